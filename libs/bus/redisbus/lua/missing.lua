#!lua flags=no-writes
-- Answers how many of some entries, the newest first, the log has lost: those before the first that it has, or had until
-- that was removed or trimmed. A log loses its end and nothing else.
-- KEYS: data gone meta   ARGV: seq size seq size …, size being that of the record
local trimmed = tonumber(redis.call('HGET', KEYS[3], 'trimmed') or 0)
for i = 1, #ARGV, 2 do
  local seq = ARGV[i]
  if tonumber(seq) <= trimmed or redis.call('HSTRLEN', KEYS[1], seq) == tonumber(ARGV[i + 1]) or redis.call('ZSCORE', KEYS[2], seq) then
    return (i - 1) / 2
  end
end
return #ARGV / 2
