-- Sessions (sessions.h).
-- KEYS  1 rb:ses:<digest>, or rb:ses:u:<user> for "all" and "list"
-- ARGV  1 what
--   "begin"  2 digest  3 user  4 ms idle  5 ms in all  6 most of one user  7 endings     answers {user, since, seen, end, endings}
--   "look"   2 ms between notes                                                  the same, or {}
--   "end"    2 digest                                                            {}
--   "all"    2 digest that stays, or ""  3 endings from now on                   {how many}
--   "list"   2 at most                                                           six for each: digest and the above
local HEAD = 'rb:ses:'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(n) return string.format('%.0f', n) end
local function facts(key)
    local f = redis.call('HMGET', key, 'user', 'since', 'seen', 'end', 'endings')
    f[5] = f[5] or '0'
    return f
end
local function of_user(user) return HEAD .. 'u:' .. user end

local what = ARGV[1]
if what == 'begin' then
    local digest, user, idle, last = ARGV[2], ARGV[3], tonumber(ARGV[4]), now + ARGV[5]
    local all = of_user(user)
    redis.call('HSET', KEYS[1], 'user', user, 'since', text(now), 'seen', text(now), 'idle', text(idle), 'end', text(last), 'endings', ARGV[7])
    redis.call('PEXPIREAT', KEYS[1], text(math.min(now + idle, last)))
    redis.call('ZREMRANGEBYSCORE', all, '-inf', text(now))
    redis.call('ZADD', all, text(last), digest)
    local old = redis.call('ZRANGE', all, 0, -1 - ARGV[6])
    for _, one in ipairs(old) do
        if one ~= digest then
            redis.call('DEL', HEAD .. one)
            redis.call('ZREM', all, one)
        end
    end
    local newest = redis.call('ZRANGE', all, -1, -1, 'WITHSCORES')
    redis.call('PEXPIREAT', all, text(tonumber(newest[2])))
    return { user, text(now), text(now), text(last), ARGV[7] }
elseif what == 'look' then
    local f = redis.call('HMGET', KEYS[1], 'user', 'since', 'seen', 'end', 'endings', 'idle')
    if not f[1] then return {} end
    if now - f[3] >= tonumber(ARGV[2]) then
        f[3] = text(now)
        redis.call('HSET', KEYS[1], 'seen', f[3])
        redis.call('PEXPIREAT', KEYS[1], text(math.min(now + f[6], tonumber(f[4]))))
    end
    return { f[1], f[2], f[3], f[4], f[5] or '0' }
elseif what == 'end' then
    local user = redis.call('HGET', KEYS[1], 'user')
    redis.call('DEL', KEYS[1])
    if user then redis.call('ZREM', of_user(user), ARGV[2]) end
    return {}
elseif what == 'all' then
    local n = 0
    for _, one in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
        if one ~= ARGV[2] then
            n = n + redis.call('DEL', HEAD .. one)
            redis.call('ZREM', KEYS[1], one)
        elseif redis.call('EXISTS', HEAD .. one) == 1 then
            redis.call('HSET', HEAD .. one, 'endings', ARGV[3])
        end
    end
    return { text(n) }
end
local out = {}
for _, one in ipairs(redis.call('ZREVRANGE', KEYS[1], 0, -1)) do
    local f = facts(HEAD .. one)
    if f[1] and #out < 6 * ARGV[2] then
        out[#out + 1] = one
        for i = 1, 5 do out[#out + 1] = f[i] end
    end
end
return out
