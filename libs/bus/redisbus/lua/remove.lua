#!lua flags=allow-oom
-- Erases an entry's content.
-- KEYS: log data room gone meta   ARGV: room seq overhead
if redis.call('ZREM', KEYS[3], ARGV[2]) == 0 then
  return 0
end
local size = redis.call('HSTRLEN', KEYS[2], ARGV[2]) + #ARGV[1] + ARGV[3]
redis.call('HDEL', KEYS[2], ARGV[2])
redis.call('XDEL', KEYS[1], ARGV[2] .. '-0')
redis.call('ZADD', KEYS[4], ARGV[2], ARGV[2])
redis.call('HINCRBY', KEYS[5], 'bytes', -size)
return 1
