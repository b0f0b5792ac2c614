#!lua flags=allow-oom
-- Says whether the log takes entries.
-- KEYS: meta   ARGV: 1: it takes none
return redis.call('HSET', KEYS[1], 'full', ARGV[1])
