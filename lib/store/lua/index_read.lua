-- Reads one key of the index and the mark in the same step: what is not there counts only while the mark is this Redis process's.
-- KEYS  1 rb:mark  2 the key. ARGV  1 a command that only reads, then its arguments after the key.
-- Answers {the mark's run_id or "", what the command answers}.
return { redis.call('HGET', KEYS[1], 'run_id') or '', redis.call(ARGV[1], KEYS[2], unpack(ARGV, 2)) }
