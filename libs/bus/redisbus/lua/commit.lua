#!lua flags=allow-oom
-- Acknowledges what a group has read of a partition, and parks an entry if one is given. Answers 0
-- when the partition is another member's by now, or the log was put back to an older state.
-- KEYS: lease read dead   ARGV: member milliseconds group from to [letters room seq record reason]
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then
  return 0
end
local at = redis.call('HGET', KEYS[2], ARGV[3]) or '0'
if at == ARGV[4] then
  redis.call('HSET', KEYS[2], ARGV[3], ARGV[5])
  if #ARGV > 5 then
    redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[6], '*',
      'room', ARGV[7], 'seq', ARGV[8], 'record', ARGV[9], 'reason', ARGV[10])
  end
elseif at ~= ARGV[5] then -- else the answer to the same request was lost
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
