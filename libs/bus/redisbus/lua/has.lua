#!lua flags=no-writes
-- Answers whether the log has an entry, or had it until it was removed or trimmed.
-- KEYS: data gone meta   ARGV: seq ids, being what its record begins with
local record = redis.call('HGET', KEYS[1], ARGV[1])
if record then
  return string.sub(record, 1, #ARGV[2]) == ARGV[2] and 1 or 0
end
local trimmed = tonumber(redis.call('HGET', KEYS[3], 'trimmed') or 0)
return (tonumber(ARGV[1]) <= trimmed or redis.call('ZSCORE', KEYS[2], ARGV[1])) and 1 or 0
