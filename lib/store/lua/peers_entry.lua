-- The entries of the index of peers: one file of one peer each, with a record of its own and in four trees (peers.h). Stands after peers_tree.lua.
-- An entry's ref is the peer's number and the entry's place, three bytes each. A list is a table {n = the peer's number, files, next, free = how many free places}, read by list_open()
-- and written back by list_close().
--
-- A record is a name, NUL, its words, NUL, "-" or "h" and the SHA-256 in 32 bytes, and "<size> <mtime>". Of a name in ASCII there are no words: string.lower tells them. Of others the
-- first bytes of each stand there after a space, or "?" when there are too many.
local NO_HASH = string.rep('\0', 6)            -- stands where a name's member has the first bytes of the hash
local AFTER = string.rep('\255', 7)            -- above whatever follows the hash in a member
local RECORD = 'rb:p2:r:'                      -- and the entry's ref
local WORDS_MAX = 32                           -- PEERS_WORDS_MAX: a name with so many keys may have more words
local WORD_BYTES = 24                          -- PEERS_MIDDLE_MAX: what a key has of a word at least

local function list_open(n)
    local state = call('HMGET', 'rb:p2:' .. n, 'files', 'next')
    return { n = n, files = tonumber(state[1] or '0'), next = tonumber(state[2] or '0'), free = call('LLEN', 'rb:p2:free:' .. n) }
end

-- A place that nobody has.
local function list_place(list)
    if list.free > 0 then
        list.free = list.free - 1
        return tonumber(call('LPOP', 'rb:p2:free:' .. list.n))
    end
    list.next = list.next + 1
    return list.next - 1
end

local function list_close(list)
    trees_change()
    call('HSET', 'rb:p2:' .. list.n, 'files', list.files, 'next', list.next)
end

local function ref_of(n, place)
    return struct.pack('>I3I3', n, place)
end

-- The records of some entries in one command; false for one that is not there.
local function records_of(refs)
    if #refs == 0 then return {} end
    local keys = {}
    for i = 1, #refs do keys[i] = RECORD .. refs[i] end
    return call('MGET', unpack(keys))
end

-- Name, and hash in 32 bytes or "".
local function parse_record(text)
    local at = string.find(text, '\0', 1, true)
    local behind = string.find(text, '\0', at + 1, true)
    local sha = string.byte(text, behind + 1) == 104 and string.sub(text, behind + 2, behind + 33) or ''
    return string.sub(text, 1, at - 1), sha
end

-- The words of a name that is not in ASCII, from its keys: each later key begins with one, and the first one with all words run together.
local function words_of(name, keys)
    if not string.find(name, '[\128-\255]') then return '' end
    local words, n = {}, 0
    for word in string.gmatch(keys, '([^%z ]*)[^%z]*%z') do
        n = n + 1
        words[n] = ' ' .. word
    end
    return n < WORDS_MAX and table.concat(words) or '?'
end

local function make_record(name, facts, sha, keys)
    return name .. '\0' .. words_of(name, keys) .. '\0' .. (sha == '' and '-' or 'h' .. sha) .. facts
end

-- The ref of a peer's file of this name, its record and the hash in it; nil.
local function entry_find(n, name_hash, name)
    local from, ref, text, sha = struct.pack('>I3', n) .. name_hash, nil, nil, nil
    tree_find('rb:p2:e', from, AFTER, function(members)
        for i = 1, #members do
            local at = string.sub(members[i], 1, 3) .. string.sub(members[i], 12)
            local record = call('GET', RECORD .. at)
            local there, hash = nil, nil
            if record then there, hash = parse_record(record) end
            if there == name then
                ref, text, sha = at, record, hash
                return true
            end
        end
        return false
    end)
    return ref, text, sha
end

-- Hangs an entry into the trees of names and hashes, or takes it out: change is tree_add or tree_remove. keys: what the name is found by, the whole name first, each with a NUL behind it.
local function entry_hang(change, ref, sha, keys)
    local tail = '\0' .. (sha == '' and NO_HASH or string.sub(sha, 1, 6)) .. ref
    local tree = 'rb:p2:n'
    for key in string.gmatch(keys, '([^%z]*)%z') do
        change(tree, key .. tail)
        tree = 'rb:p2:w'
    end
    if sha ~= '' then change('rb:p2:h', string.sub(sha, 1, 8) .. ref) end
end

-- Puts a file into a list, in the place of the one of that name. facts: "<size> <mtime>".
local function entry_put(list, name_hash, name, facts, sha, keys)
    local ref, _, was_sha = entry_find(list.n, name_hash, name)
    if not ref then
        local place = list_place(list)
        list.files = list.files + 1
        ref = ref_of(list.n, place)
        tree_add('rb:p2:e', string.sub(ref, 1, 3) .. name_hash .. string.sub(ref, 4))
    end
    call('SET', RECORD .. ref, make_record(name, facts, sha, keys))
    if was_sha == sha then return end
    if was_sha then entry_hang(tree_remove, ref, was_sha, keys) end
    entry_hang(tree_add, ref, sha, keys)
end

-- Takes a file out of a list, if it is in there. With the last one the free places go.
local function entry_drop(list, name_hash, name, keys)
    local ref, _, sha = entry_find(list.n, name_hash, name)
    if not ref then return end
    tree_remove('rb:p2:e', string.sub(ref, 1, 3) .. name_hash .. string.sub(ref, 4))
    entry_hang(tree_remove, ref, sha, keys)
    call('DEL', RECORD .. ref)
    list.files = list.files - 1
    if list.files > 0 then
        list.free = call('RPUSH', 'rb:p2:free:' .. list.n, (struct.unpack('>I3', ref, 4)))
    else
        call('DEL', 'rb:p2:free:' .. list.n)
        list.next, list.free = 0, 0
    end
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
