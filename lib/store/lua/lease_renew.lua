-- Extends the lease of the holder whose token is in it, and writes its new text.
-- KEYS: the lease. ARGV: token, new text, TTL in ms. Answers 1, or 0 when the lease is lost.
local text = redis.call('GET', KEYS[1])
if not text then return 0 end
local ok, lease = pcall(cjson.decode, text)
if not ok or type(lease) ~= 'table' or lease.token ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
