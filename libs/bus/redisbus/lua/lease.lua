#!lua flags=allow-oom
-- Takes or renews the lease of a partition. Answers the Seq that the group has read up to, or nil:
-- another member has it.
-- KEYS: lease read   ARGV: member milliseconds group
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then
  return false
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return redis.call('HGET', KEYS[2], ARGV[3]) or '0'
