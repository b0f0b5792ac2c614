#!lua flags=allow-oom
-- Makes every later Seq of the partition greater than a number.
-- KEYS: meta   ARGV: past
if tonumber(redis.call('HGET', KEYS[1], 'floor') or 0) < tonumber(ARGV[1]) then
  redis.call('HSET', KEYS[1], 'floor', ARGV[1])
end
return 1
