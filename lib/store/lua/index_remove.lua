-- Removes courses from the index: their hashes and what the sorted sets hold of them.
-- KEYS  1 rb:mark  2 rb:byname  3 rb:newest  4 rb:words
-- ARGV  1 the token of the rebuild or sweep that asks  2 "one" or "all"  3 "one": the course's key  4 "one": the id that its current record must have; "all": where the
--       walk goes on, "0" at first  5 "all": keys looked at in this step
-- Answers -1: the token is not the present one. "one": 1 or 0, removed or not. "all": where to go on, "0" at the end.
if redis.call('HGET', KEYS[1], 'holder') ~= ARGV[1] then return -1 end

local digits = {}
for i = 0, 15 do digits[string.format('%x', i)] = string.format('%x', 15 - i) end

-- The members are worked out as lua/index_add.lua made them.
local function remove(key)
    local hash = 'rb:c:' .. key
    local state = redis.call('HMGET', hash, 'id', 'words')
    local id, words = state[1], state[2]
    if id and words and words ~= '' and is_adopted(key) then
        ring_change(key, words, true)
    elseif id and words and words ~= '' and not is_sys(key) then
        local inverted = string.gsub(id, '%x', digits)
        local place = inverted .. ':' .. key
        redis.call('ZREM', KEYS[2], key .. '\0' .. inverted .. words)
        redis.call('ZREM', KEYS[3], place .. '\0' .. words)
        for word in string.gmatch(words, '%S+') do redis.call('ZREM', KEYS[4], word .. '\0' .. place) end
    end
    owner_forget(key, redis.call('HGETALL', 'rb:v:' .. key))
    redis.call('DEL', hash, 'rb:v:' .. key, 'rb:x:' .. key)
end

if ARGV[2] == 'one' then
    if redis.call('HGET', 'rb:c:' .. ARGV[3], 'id') ~= ARGV[4] then return 0 end
    remove(ARGV[3])
    return 1
end

-- Any of a course's three hashes leads to it. What is there all the time is met at least once (SCAN); what comes meanwhile was added after the mark went and may stay.
local found = redis.call('SCAN', ARGV[4], 'MATCH', 'rb:[cvx]:*', 'COUNT', ARGV[5])
for _, name in ipairs(found[2]) do remove(string.sub(name, 6)) end
return found[1]
