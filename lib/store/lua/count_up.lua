-- Counts up to a limit.
-- KEYS: the number. ARGV: limit, seconds that it is kept from now on. Answers the number; -1: the limit is reached.
if tonumber(redis.call('GET', KEYS[1]) or '0') >= tonumber(ARGV[1]) then return -1 end
local n = redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return n
