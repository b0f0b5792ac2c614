#!lua flags=no-writes
-- Answers the partition's last Seq, and the head of each room.
-- KEYS: heads meta   ARGV: rooms
local heads = redis.call('HMGET', KEYS[1], unpack(ARGV))
return {tonumber(redis.call('HGET', KEYS[2], 'last') or 0), heads}
