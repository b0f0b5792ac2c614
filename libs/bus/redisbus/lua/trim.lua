#!lua flags=allow-oom
-- Takes entries from the beginning of the partition's log: those that are too old, and further ones
-- until enough bytes are free or few enough are left; never one that a required group has not read.
-- Answers how many it took, the size of what is left, and how many bytes it has freed.
-- KEYS: log data heads gone meta read never
-- ARGV: what keys of rooms begin with, seconds, bytes to free, entries, overhead, bytes that are
-- few enough, groups
local oldest = redis.call('TIME')[1] - ARGV[2]
local want, limit, overhead, enough = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local meta = redis.call('HMGET', KEYS[5], 'last', 'bytes')
local upto, bytes = tonumber(meta[1] or 0), tonumber(meta[2] or 0)
for i = 7, #ARGV do
  upto = math.min(upto, tonumber(redis.call('HGET', KEYS[6], ARGV[i]) or 0))
end
local seqs, rooms, freed = {}, {}, 0
if upto > 0 then
  for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', string.format('%.0f', upto), 'COUNT', limit)) do
    local room, time = entry[2][2], entry[2][4]
    if tonumber(time) > oldest and (freed >= want or bytes - freed <= enough) then
      break
    end
    local seq = string.match(entry[1], '^%d+')
    freed = freed + redis.call('HSTRLEN', KEYS[2], seq) + #room + overhead
    seqs[#seqs + 1] = seq
    rooms[room] = seq
  end
end
if #seqs == 0 then
  return {0, bytes, 0}
end
local last = seqs[#seqs]
redis.call('HDEL', KEYS[2], unpack(seqs))
for room, seq in pairs(rooms) do
  redis.call('ZREMRANGEBYSCORE', ARGV[1] .. room, '-inf', seq)
  local head = redis.call('HGET', KEYS[3], room)
  redis.call('HSET', KEYS[3], room, string.match(head, '^%d+:[^:]*:') .. seq)
end
redis.call('XTRIM', KEYS[1], 'MINID', string.format('%.0f', tonumber(last) + 1))
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', last)
bytes = math.max(0, bytes - freed)
redis.call('HSET', KEYS[5], 'trimmed', last, 'bytes', string.format('%.0f', bytes))
return {#seqs, bytes, freed}
