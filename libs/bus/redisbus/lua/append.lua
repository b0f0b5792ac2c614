#!lua
-- Appends an entry. Answers its Seq as an integer, or, as a string, that of the entry that had the
-- key before.
-- KEYS: log data heads meta room once ARGV: room record id channel milliseconds-to-know-the-key
-- overhead
local before = redis.call('GET', KEYS[6])
if before then
  return before
end
local meta = redis.call('HMGET', KEYS[4], 'last', 'floor', 'bytes', 'full')
if meta[4] == '1' then
  return redis.error_reply('HUBFULL the log is full, and a required group has not consumed it')
end
-- Seqs are doubles here, exact below 2^53; a new or rewound log starts above the clock, so it uses
-- none again.
local now = redis.call('TIME')
local n = math.max(now[1] * 1048576 + now[2], tonumber(meta[1] or 0) + 1, tonumber(meta[2] or 0) + 1)
if n > 9007199254740991 then
  return redis.error_reply('HUBSEQ there is no Seq left below 2^53')
end
local seq = string.format('%.0f', n)
local head = redis.call('HGET', KEYS[3], ARGV[1])
local prev, trimmed = '0', ''
if head then
  prev, trimmed = string.match(head, '^(%d+):[^:]*:(%d*)$')
end
redis.call('XADD', KEYS[1], seq .. '-0', 'r', ARGV[1], 't', now[1])
redis.call('HSET', KEYS[2], seq, ARGV[2])
redis.call('ZADD', KEYS[5], seq, seq)
redis.call('HSET', KEYS[3], ARGV[1], seq .. ':' .. ARGV[3] .. ':' .. trimmed)
if not meta[1] then
  redis.call('HSET', KEYS[4], 'first', seq)
end
redis.call('HSET', KEYS[4], 'last', seq, 'bytes',
  string.format('%.0f', tonumber(meta[3] or 0) + #ARGV[2] + #ARGV[1] + ARGV[6]))
redis.call('SET', KEYS[6], seq, 'PX', ARGV[5])
redis.call('SPUBLISH', ARGV[4], struct.pack('>I8I8Bc0', n, tonumber(prev), #ARGV[1], ARGV[1]) .. ARGV[2])
return n
