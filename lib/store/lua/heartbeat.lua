-- A heartbeat: the facts stay, the alive key goes away by itself.
-- KEYS: hash of facts, alive key. ARGV: id or name, facts as JSON, TTL in ms.
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('SET', KEYS[2], '1', 'PX', ARGV[3])
return 1
