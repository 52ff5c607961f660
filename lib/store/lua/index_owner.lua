-- What the index has besides courses (sys.h): reserved keys, whose a record is, and how many bytes of theirs there are. Stands before index_add.lua and index_remove.lua.
local SYS, BY, BYTES, GONE = 'rb:sys', 'rb:u:', 'rb:bytes', 'rb:gone'

local function is_sys(key)
    return string.sub(key, 1, 4) == 'sys/'
end

local function bytes_change(size, user, sign)
    if size == '0' then return end
    local function change(whose)
        if redis.call('HINCRBY', BYTES, whose, sign .. size) <= 0 then redis.call('HDEL', BYTES, whose) end
    end
    change('')
    if user ~= '' then change(user) end
end

-- A record came. owner: "<bytes> <e|-> <uploader>", e for a tombstone that erases.
local function owner_add(key, rid, kind, owner)
    local size, _, user = string.match(owner, '^(%d+) (%S) (.*)$')
    if user ~= '' then redis.call('ZADD', BY .. user, 0, key .. '\0' .. rid) end
    if kind == 'v' then bytes_change(size, user, '') end
end

-- A tombstone of one version: the bytes of that one go some time after it; at once when it erases. The first 13 digits of a stamp are microseconds.
local function owner_gone(key, of, tombstone, erases)
    local at = erases and 0 or math.floor(tonumber(string.sub(tombstone, 1, 13), 16) / 1000)
    redis.call('ZADD', GONE, 'LT', at, key .. '\0' .. of)
end

-- A course is forgotten, with these records: {id, JSON, id, JSON, …}.
local function owner_forget(key, records)
    redis.call('ZREM', SYS, key)
    for i = 1, #records, 2 do
        local rid, r = records[i], cjson.decode(records[i + 1])
        local user = r.uploader
        redis.call('ZREM', GONE, key .. '\0' .. rid)
        if user ~= '' then redis.call('ZREM', BY .. user, key .. '\0' .. rid) end
        if r.kind ~= 'delete' and redis.call('HEXISTS', 'rb:x:' .. key, 'g:' .. rid) == 0 then
            bytes_change(string.format('%.0f', r.size), user, '-')
        end
    end
end
