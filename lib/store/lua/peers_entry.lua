-- The entries of the index of peers: one file of one peer each, in the peer's table and in four trees (peers.h). Stands after peers_tree.lua.
-- A list is a table {n = the peer's number, files, next}, read by list_open() and written back by list_close().
local PLACES = 64                              -- records in one piece of a table
local NO_HASH = string.rep('\0', 6)            -- stands where a name's member has the first bytes of the hash
local AFTER = string.rep('\255', 7)            -- above whatever follows the hash in a member

local function list_open(n)
    local state = redis.call('HMGET', 'rb:p:' .. n, 'files', 'next')
    return { n = n, files = tonumber(state[1] or '0'), next = tonumber(state[2] or '0') }
end

local function list_close(list)
    redis.call('HSET', 'rb:p:' .. list.n, 'files', list.files, 'next', list.next)
end

local function table_of(n, place)
    return 'rb:p:f:' .. n .. ':' .. math.floor(place / PLACES)
end

local function record_at(n, place)
    return redis.call('LINDEX', table_of(n, place), place % PLACES)
end

-- Size, time, hash in 32 bytes or "", name.
local function parse_record(text)
    local size, mtime, at = string.match(text, '^(%d+) (%d+) ()')
    if string.sub(text, at, at) == '-' then return size, mtime, '', string.sub(text, at + 1) end
    return size, mtime, string.sub(text, at + 1, at + 32), string.sub(text, at + 33)
end

-- Where a peer has a file of this name, and its record; nil.
local function entry_find(n, name_hash, name)
    local from, place, text = struct.pack('>I3', n) .. name_hash, nil, nil
    tree_walk('rb:p:e', '[' .. from, '[' .. from .. AFTER, function(member)
        local at = struct.unpack('>I3', member, 12)
        local record = record_at(n, at)
        local _, _, _, there = parse_record(record)
        if there ~= name then return false end
        place, text = at, record
        return true
    end)
    return place, text
end

-- Hangs an entry into the trees of names and hashes, or takes it out: change is tree_add or tree_remove. keys: what the name is found by, the whole name first, each with a NUL behind it.
local function entry_hang(change, ref, sha, keys)
    local tail = '\0' .. (sha == '' and NO_HASH or string.sub(sha, 1, 6)) .. ref
    local tree = 'rb:p:n'
    for key in string.gmatch(keys, '([^%z]*)%z') do
        change(tree, key .. tail)
        tree = 'rb:p:w'
    end
    if sha ~= '' then change('rb:p:h', string.sub(sha, 1, 8) .. ref) end
end

-- Puts a file into a list, in the place of the one of that name. facts: "<size> <mtime>".
local function entry_put(list, name_hash, name, facts, sha, keys)
    local n = list.n
    local place, was = entry_find(n, name_hash, name)
    local text = facts .. ' ' .. (sha == '' and '-' or 'h' .. sha) .. name
    if place then
        local _, _, was_sha = parse_record(was)
        redis.call('LSET', table_of(n, place), place % PLACES, text)
        if was_sha == sha then return end
        local ref = struct.pack('>I3I3', n, place)
        entry_hang(tree_remove, ref, was_sha, keys)
        entry_hang(tree_add, ref, sha, keys)
        return
    end
    place = tonumber(redis.call('LPOP', 'rb:p:free:' .. n) or list.next)
    if place == list.next then
        list.next = place + 1
        redis.call('RPUSH', table_of(n, place), text)
    else
        redis.call('LSET', table_of(n, place), place % PLACES, text)
    end
    list.files = list.files + 1
    tree_add('rb:p:e', struct.pack('>I3', n) .. name_hash .. struct.pack('>I3', place))
    entry_hang(tree_add, struct.pack('>I3I3', n, place), sha, keys)
end

-- Takes a file out of a list, if it is in there. With the last one the table goes.
local function entry_drop(list, name_hash, name, keys)
    local n = list.n
    local place, was = entry_find(n, name_hash, name)
    if not place then return end
    local _, _, sha = parse_record(was)
    tree_remove('rb:p:e', struct.pack('>I3', n) .. name_hash .. struct.pack('>I3', place))
    entry_hang(tree_remove, struct.pack('>I3I3', n, place), sha, keys)
    list.files = list.files - 1
    if list.files > 0 then
        redis.call('LSET', table_of(n, place), place % PLACES, '')
        redis.call('RPUSH', 'rb:p:free:' .. n, place)
        return
    end
    for first = 0, list.next - 1, PLACES do redis.call('DEL', table_of(n, first)) end
    redis.call('DEL', 'rb:p:free:' .. n)
    list.next = 0
end

-- Whether a course's key is that of an adopted file.
local function is_adopted(key)
    return #key == 69 and string.find(key, '^peer/[0-9a-f]+$') ~= nil
end

-- The file that the ring has adopted under the key "peer/<sha256>", in its list (number 0) or out of it. facts: what index_add.c gives for such a key instead of words,
-- " <8 bytes of the name's hash> <name> <size> <mtime> <keys> ", texts in hex.
local function ring_change(key, facts, remove)
    local function unhex(hex)
        return (string.gsub(hex, '%x%x', function(digits) return string.char(tonumber(digits, 16)) end))
    end
    local name_hash, name, numbers, keys = string.match(facts, '^ (%x+) (%x+) (%d+ %d+) (%x+) $')
    if not name_hash then return end
    local list = list_open(0)
    if remove then
        entry_drop(list, unhex(name_hash), unhex(name), unhex(keys))
    else
        entry_put(list, unhex(name_hash), unhex(name), numbers, unhex(string.sub(key, 6)), unhex(keys))
    end
    list_close(list)
end
