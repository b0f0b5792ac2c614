#!lua flags=allow-oom
-- Says that somebody serves a service.
-- KEYS: service   ARGV: server seconds-to-keep-the-list
redis.call('SADD', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
