-- Deletes the lease of the holder whose token is in it.
-- KEYS: the lease. ARGV: token. Answers 1, or 0 when the lease is somebody else's or gone.
local text = redis.call('GET', KEYS[1])
if not text then return 0 end
local ok, lease = pcall(cjson.decode, text)
if not ok or type(lease) ~= 'table' or lease.token ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
