-- Changes the mark if one of its fields still has a value.
-- KEYS  1 rb:mark. ARGV  1 field  2 its value  3... fields and values to set. Answers 1, or -1: it has another value, or none.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return -1 end
redis.call('HSET', KEYS[1], unpack(ARGV, 3))
return 1
