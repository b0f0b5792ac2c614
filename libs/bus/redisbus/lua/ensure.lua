#!lua flags=allow-oom
-- Notes what cannot change once there is a log, and the required groups. Answers what was noted
-- first.
-- KEYS: config groups   ARGV: version partitions groups
redis.call('HSETNX', KEYS[1], 'version', ARGV[1])
redis.call('HSETNX', KEYS[1], 'partitions', ARGV[2])
for i = 3, #ARGV do
  redis.call('SADD', KEYS[2], ARGV[i])
end
return redis.call('HMGET', KEYS[1], 'version', 'partitions')
