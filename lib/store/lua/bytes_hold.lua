-- How many bytes a user has, and all together, stored and under way; and with an id, notes an upload under way unless there is no room for it.
-- KEYS  1 rb:bytes  2 rb:gone  3 rb:flight; it also reads rb:mark, which the api must not write
-- ARGV  1 the run_id for which the index must have been built  2 user or ""  3 ms after which the bytes of a deleted version are gone  4 id or "": only look
--       5 bytes  6 the user's limit or ""  7 the limit of all or ""  8 ms that the hold lasts at most
-- Answers {"s"}: the index is not believed; else {"", "u" or "a" (no room: by whose limit), user's bytes, all, user's under way, all}, as texts.
if redis.call('HGET', 'rb:mark', 'run_id') ~= ARGV[1] then return { 's' } end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local user = ARGV[2]
local STEP = 100 -- versions that go in one call

-- What was deleted long enough ago is gone: noted with its course, so that it is taken off only once.
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[3], 'LIMIT', 0, STEP)) do
    local zero = string.find(member, '\0', 1, true)
    local key, rid = string.sub(member, 1, zero - 1), string.sub(member, zero + 1)
    local json = redis.call('HGET', 'rb:v:' .. key, rid)
    redis.call('ZREM', KEYS[2], member)
    if json and redis.call('HSETNX', 'rb:x:' .. key, 'g:' .. rid, '1') == 1 then
        local r = cjson.decode(json)
        local less = string.format('%.0f', -r.size)
        for _, whose in ipairs(r.uploader ~= '' and { '', r.uploader } or { '' }) do
            if redis.call('HINCRBY', KEYS[1], whose, less) <= 0 then redis.call('HDEL', KEYS[1], whose) end
        end
    end
end

local mine_flight, all_flight = 0, 0
local holds = redis.call('HGETALL', KEYS[3])
for i = 1, #holds, 2 do
    local till, bytes, whose = string.match(holds[i + 1], '^(%d+) (%d+) (.*)$')
    if tonumber(till) <= now then
        redis.call('HDEL', KEYS[3], holds[i])
    else
        all_flight = all_flight + bytes
        if whose == user then mine_flight = mine_flight + bytes end
    end
end
local all = tonumber(redis.call('HGET', KEYS[1], '') or '0')
local mine = user == '' and 0 or tonumber(redis.call('HGET', KEYS[1], user) or '0')
local refused = ''
if ARGV[4] ~= '' then
    if user ~= '' and ARGV[6] ~= '' and mine + mine_flight + ARGV[5] > tonumber(ARGV[6]) then
        refused = 'u'
    elseif ARGV[7] ~= '' and all + all_flight + ARGV[5] > tonumber(ARGV[7]) then
        refused = 'a'
    else
        redis.call('HSET', KEYS[3], ARGV[4], string.format('%.0f', now + ARGV[8]) .. ' ' .. ARGV[5] .. ' ' .. user)
    end
end
local function text(n) return string.format('%.0f', math.max(n, 0)) end
return { '', refused, text(mine), text(all), text(mine_flight), text(all_flight) }
