-- The small numbers by which peers are called in the line protocol.
-- KEYS: hash of numbers. ARGV: prefix of alive keys; "draw", wanted number or -1, least number | "of", peer id.
-- In the hash: "last", the last number given; peer id -> number and "#number" -> peer id for peers that did not come by the line protocol. The others are called
-- plain-<number>.0. A number whose plain peer lives is never given again, also when the hash was lost meanwhile. Answers the number.
local function is_free(n)
    return redis.call('EXISTS', ARGV[1] .. 'plain-' .. n .. '.0') == 0 and redis.call('HEXISTS', KEYS[1], '#' .. n) == 0
end
local function draw(least)
    local last = tonumber(redis.call('HGET', KEYS[1], 'last') or '-1')
    local n = math.max(last + 1, least)
    while not is_free(string.format('%d', n)) do
        n = n + 1
    end
    redis.call('HSET', KEYS[1], 'last', string.format('%d', n))
    return n
end
if ARGV[2] == 'draw' then
    if ARGV[3] ~= '-1' and is_free(ARGV[3]) then
        return tonumber(ARGV[3])
    end
    return draw(tonumber(ARGV[4]))
end
local known = redis.call('HGET', KEYS[1], ARGV[3])
if known then
    return tonumber(known)
end
local n = draw(0)
redis.call('HSET', KEYS[1], ARGV[3], string.format('%d', n), '#' .. string.format('%d', n), ARGV[3])
return n
