#!lua flags=no-writes
-- Reads a room after a position. Answers 'rewound' or '', 'truncated' or '', 'more' or '', through,
-- and then a Seq and a record for each entry.
-- KEYS: data room heads gone meta   ARGV: room seq id limit bytes
local after, limit = tonumber(ARGV[2]), tonumber(ARGV[4])
local meta = redis.call('HMGET', KEYS[5], 'last', 'trimmed', 'first')
local last = tonumber(meta[1] or 0)
local head = redis.call('HGET', KEYS[3], ARGV[1])
local headSeq, headID, trimmed = 0, '', 0
if head then
  local s, id, t = string.match(head, '^(%d+):([^:]*):(%d*)$')
  headSeq, headID, trimmed = tonumber(s), id, tonumber(t) or 0
end

-- Whether the log has something else than the caller at its position. What retention has taken
-- cannot be told; what Remove has erased is in gone.
local function rewound()
  if after > last or after > 0 and after < tonumber(meta[3] or 0) - 1 then
    return true -- of another log, that was lost; just before the first entry is the log's start
  elseif ARGV[3] == '' or after == 0 then
    return false -- any entry will do, or none: the position may be the end of an answer
  elseif after == headSeq then
    return headID ~= ARGV[3]
  elseif after > headSeq then
    return true
  end
  local record = redis.call('HGET', KEYS[1], ARGV[2])
  if record and redis.call('ZSCORE', KEYS[2], ARGV[2]) then
    local sender, id = string.byte(record, 2, 3)
    return string.sub(record, 4 + sender, 3 + sender + id) ~= ARGV[3]
  end
  return after > tonumber(meta[2] or 0) and not redis.call('ZSCORE', KEYS[4], ARGV[2])
end

if rewound() then
  return {'rewound', '', '', headSeq}
end
local seqs = redis.call('ZRANGE', KEYS[2], '(' .. ARGV[2], '+inf', 'BYSCORE', 'LIMIT', 0, limit + 1)
local n, size = math.min(#seqs, limit), 0
local out = {'', after < trimmed and 'truncated' or '', '', 0}
local taken = 0
while taken < n and size < tonumber(ARGV[5]) do -- in steps, so that huge entries are not all held at once
  local upto = math.min(taken + 32, n)
  local records = redis.call('HMGET', KEYS[1], unpack(seqs, taken + 1, upto))
  for i = taken + 1, upto do
    local record = records[i - taken]
    size = size + #record
    out[#out + 1] = seqs[i]
    out[#out + 1] = record
  end
  taken = upto
end
if taken < #seqs then
  out[3], out[4] = 'more', tonumber(seqs[taken])
elseif headSeq > 0 or after > 0 then
  out[4] = last -- of the partition: the room has nothing else up to there
end
return out
