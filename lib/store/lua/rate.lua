-- rate_decide() of rate.c once more, so that a look and its count are one step for all apis.
-- KEYS  1 the counter's hash
-- ARGV  1 free tries  2 ms after which one is forgiven  3 first wait in ms  4 longest  5 "try", "one": a try was good, or "all": all were
-- Answers the ms to wait; 0: go on.
local free, per, wait, longest = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local MORE = 31 -- tries beyond the free ones that are told apart
if ARGV[5] == 'all' then
    redis.call('DEL', KEYS[1])
    return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local state = redis.call('HMGET', KEYS[1], 'n', 'at', 'till')
local n, at, till = tonumber(state[1] or '0'), tonumber(state[2] or '0'), tonumber(state[3] or '0')
if now > at and n > 0 then
    local forgiven = math.min(math.floor((now - at) / per), n)
    n, at = n - forgiven, at + forgiven * per
end
if ARGV[5] == 'one' then
    if n > 0 then n = n - 1 end
    if n <= free then till = 0 end
else
    if now < till then return till - now end
    if n == 0 then at = now end
    n = math.min(n + 1, free + MORE)
    if n > free then
        till = now + math.min(wait * 2 ^ (n - free - 1), longest)
        at = till
    end
end
if n == 0 then
    redis.call('DEL', KEYS[1])
    return 0
end
local function text(ms) return string.format('%.0f', ms) end
redis.call('HSET', KEYS[1], 'n', n, 'at', text(at), 'till', text(till))
redis.call('PEXPIREAT', KEYS[1], text(math.max(at, now) + n * per))
return 0
