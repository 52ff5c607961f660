-- Publishes a ring document unless a newer one is there.
-- KEYS: the ring, a hash of epoch and document. ARGV: epoch, document. Answers 1, or 0 when a newer one is there.
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if epoch and tonumber(epoch) > tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'document', ARGV[2])
return 1
