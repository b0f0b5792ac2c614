#!lua flags=allow-oom
-- Moves a dead letter to those that the group is to be handed again, unless that was done.
-- KEYS: dead again   ARGV: id
local letter = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
if letter then
  redis.call('XADD', KEYS[2], '*', unpack(letter[2]))
  redis.call('XDEL', KEYS[1], ARGV[1])
end
return 1
