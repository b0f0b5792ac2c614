#!lua flags=allow-oom
-- Gives a lease back.
-- KEYS: lease   ARGV: member
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('DEL', KEYS[1])
end
return 1
