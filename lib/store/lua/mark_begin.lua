-- A rebuild begins: from here on the index is not believed, until mark_set gives it the run_id of the process that it is built for.
-- KEYS  1 rb:mark  2 rb:byname  3 rb:newest  4 rb:words. ARGV  1 the rebuild's token  2 run_id of this process
redis.call('DEL', KEYS[1])
redis.call('UNLINK', KEYS[2], KEYS[3], KEYS[4])
local now = redis.call('TIME')
local now_ms = string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000))
redis.call('HSET', KEYS[1], 'incarnation', ARGV[1], 'holder', ARGV[1], 'process', ARGV[2], 'begun_at', now_ms, 'courses', 0)
return 1
