#!lua flags=allow-oom
-- Hands a request to one of those who serve a service, starting at a random one. Nobody listens at
-- the channel of a process that is gone: it is taken off the list. Answers 0 when nobody is left.
-- KEYS: service   ARGV: what channels of servers begin with, a random number, request
local servers = redis.call('SMEMBERS', KEYS[1])
for i = 0, #servers - 1 do
  local server = servers[(ARGV[2] + i) % #servers + 1]
  if redis.call('SPUBLISH', ARGV[1] .. server, ARGV[3]) > 0 then
    return 1
  end
  redis.call('SREM', KEYS[1], server)
end
return 0
