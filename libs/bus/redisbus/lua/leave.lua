#!lua flags=allow-oom
-- Takes a member off the list of its group.
-- KEYS: members   ARGV: member
return redis.call('ZREM', KEYS[1], ARGV[1])
