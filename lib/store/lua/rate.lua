-- rate_decide() of rate.c once more, so that a look and its count are one step for all apis. All claims of a try are counted, or none.
-- KEYS  the counters' hashes, one a claim
-- ARGV  for each: free tries, ms after which one is forgiven, first wait in ms, longest, and "try", or "one": a try was good, or "all": all were
-- Answers the ms to wait; 0: go on.
local MORE, WORDS = 31, 5 -- tries beyond the free ones that are told apart; words a claim
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(ms) return string.format('%.0f', ms) end

local function read(i)
    local at = (i - 1) * WORDS
    local c = {key = KEYS[i], free = tonumber(ARGV[at + 1]), per = tonumber(ARGV[at + 2]), wait = tonumber(ARGV[at + 3]), longest = tonumber(ARGV[at + 4]), what = ARGV[at + 5]}
    local state = redis.call('HMGET', c.key, 'n', 'at', 'till')
    c.n, c.at, c.till = tonumber(state[1] or '0'), tonumber(state[2] or '0'), tonumber(state[3] or '0')
    if now > c.at and c.n > 0 then
        local forgiven = math.min(math.floor((now - c.at) / c.per), c.n)
        c.n, c.at = c.n - forgiven, c.at + forgiven * c.per
    end
    return c
end

local function change(c)
    if c.what == 'all' then
        c.n = 0
    elseif c.what == 'one' then
        c.n = math.max(c.n - 1, 0)
        if c.n <= c.free then c.till = 0 end
    else
        if c.n == 0 then c.at = now end
        c.n = math.min(c.n + 1, c.free + MORE)
        if c.n > c.free then
            c.till = now + math.min(c.wait * 2 ^ (c.n - c.free - 1), c.longest)
            c.at = c.till
        end
    end
end

local function write(c)
    if c.n == 0 then
        redis.call('DEL', c.key)
    else
        redis.call('HSET', c.key, 'n', c.n, 'at', text(c.at), 'till', text(c.till))
        redis.call('PEXPIREAT', c.key, text(math.max(c.at, now) + c.n * c.per))
    end
end

local claims, left = {}, 0
for i = 1, #KEYS do
    claims[i] = read(i)
    if claims[i].what == 'try' then left = math.max(left, claims[i].till - now) end
end
if left > 0 then return left end
for i = 1, #claims do
    change(claims[i])
    write(claims[i])
end
return 0
