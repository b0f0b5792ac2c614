#!lua flags=allow-oom
-- Removes an entry from the group's redrive stream, and parks it again if a reason is given.
-- Answers 0 when the partition is another member's by now.
-- KEYS: lease again dead   ARGV: member milliseconds id [letters reason]
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then
  return 0
end
local letter = redis.call('XRANGE', KEYS[2], ARGV[3], ARGV[3])[1]
if letter then -- else the answer to the same request was lost
  redis.call('XDEL', KEYS[2], ARGV[3])
  if #ARGV > 3 then
    for i = 1, #letter[2], 2 do
      if letter[2][i] == 'reason' then
        letter[2][i + 1] = ARGV[5]
      end
    end
    redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[4], '*', unpack(letter[2]))
  end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
