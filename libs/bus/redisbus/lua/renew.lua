#!lua flags=allow-oom
-- Prolongs a lease. Answers the member that has it; nil: nobody.
-- KEYS: lease   ARGV: member milliseconds
local owner = redis.call('GET', KEYS[1])
if owner == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return owner
