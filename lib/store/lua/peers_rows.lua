-- Rows of the index of peers: entries with everybody who holds the same content. After peers_tree.lua and peers_entry.lua.
--
-- KEYS  1 rb:mark  2 rb:nodes
-- ARGV  1 what to read  2 a peer's id to leave out, or ""  3 most holders of a row
-- "walk"  4 tree  5 low  6 high ("[…" or "(…")  7 most rows  8 most effort  9 the length below which a key stands for one name  10... words: rows in order, each
--         content once for each such key, else once for each name at a key. A name in ASCII that lacks one of the words is passed over: whoever asks looks closer at the others
-- "hash"  4 SHA-256 in 32 bytes: one row
-- "name"  4 low  5 high in the tree of names  6 a name: one row of those who have it, whatever their contents
-- "one"   4 peer id  5 8 bytes of the hash of the name  6 name: one row of this entry, whether or not the peer is here
-- Effort is counted in records read; a member that is stepped over costs a twentieth.
-- Answers {the mark's run_id; where the walk goes on after, "" at its end; the effort; {number, id, alive, facts or "", ...} of the peers of these rows; a row, ...}; {""} without a mark.
-- A row is {member or "", number, record, number, record, ...}: the entry itself comes first, then the others that are here. The ring has number 0 and is always here.
local mark = redis.call('HGET', KEYS[1], 'run_id')
if not mark then return { '' } end
local what, exclude, most_holders = ARGV[1], ARGV[2], tonumber(ARGV[3])
local peers, peers_seen, effort = {}, {}, 0
local STEP = 1 / 20

-- Whether a peer is here and not left out; asked once.
local here = { [0] = true }
local function is_here(n)
    if here[n] == nil then
        local id = redis.call('HGET', 'rb:p:' .. n, 'id')
        here[n] = id and id ~= exclude and redis.call('EXISTS', 'rb:alive:' .. id) == 1 or false
    end
    return here[n]
end

local function read_record(n, place)
    effort = effort + 1
    return record_at(n, place)
end

local function add_holder(row, n, text)
    row[#row + 1], row[#row + 2] = n, text
    if peers_seen[n] or n == 0 then return end
    peers_seen[n] = true
    local id = redis.call('HGET', 'rb:p:' .. n, 'id') or ''
    local facts = redis.call('HGET', KEYS[2], id) or ''
    for _, value in ipairs({ n, id, redis.call('EXISTS', 'rb:alive:' .. id), facts }) do peers[#peers + 1] = value end
end

-- Adds all who are here and hold a content to a row that may have its first holder already.
local function add_holders(row, sha, own_n, own_place)
    local from, left = string.sub(sha, 1, 8), most_holders - (#row - 1) / 2
    tree_walk('rb:p:h', '[' .. from, '[' .. from .. AFTER, function(member)
        local n, place = struct.unpack('>I3I3', member, 9)
        if left == 0 then return true end
        if (n == own_n and place == own_place) or not is_here(n) then return false end
        local text = read_record(n, place)
        local _, _, there = parse_record(text)
        if there ~= sha then return false end
        add_holder(row, n, text)
        left = left - 1
        return false
    end)
end

local rows, last = {}, ''
if what == 'walk' then
    local most_rows, most, whole_below, done, names = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9]), nil, {}
    local words = { unpack(ARGV, 10) }
    local function may_fit(name)
        if #words == 0 or string.find(name, '[\128-\255]') then return true end
        name = string.lower(name)
        for i = 1, #words do
            if not string.find(name, words[i], 1, true) then return false end
        end
        return true
    end
    tree_walk(ARGV[4], ARGV[5], ARGV[6], function(member)
        local group = string.sub(member, 1, -7)
        local whole = #group - 7 < whole_below
        if #rows == most_rows or effort >= most then return true end
        effort = effort + STEP
        if group == done and whole then return false end
        last = member
        local n, place = struct.unpack('>I3I3', member, #member - 5)
        if not is_here(n) then return false end
        local text = read_record(n, place)
        local _, _, sha, name = parse_record(text)
        if not may_fit(name) then return false end
        if group ~= done then names = {} end
        done = sha ~= '' and group or nil
        if done and names[name] then return false end
        names[name] = true
        local row = { member }
        add_holder(row, n, text)
        if done then add_holders(row, sha, n, place) end
        if done and whole then last = group .. AFTER end
        rows[#rows + 1] = row
        return false
    end)
    -- The walk was broken off in time, or came to its end: then nothing is left to go on with.
    if #rows < most_rows and effort < most then last = '' end
elseif what == 'hash' then
    rows[1] = { '' }
    add_holders(rows[1], ARGV[4])
elseif what == 'name' then
    rows[1] = { '' }
    tree_walk('rb:p:n', ARGV[4], ARGV[5], function(member)
        local n, place = struct.unpack('>I3I3', member, #member - 5)
        if n == 0 or not is_here(n) then return false end
        local text = read_record(n, place)
        local _, _, _, name = parse_record(text)
        if name == ARGV[6] then add_holder(rows[1], n, text) end
        return (#rows[1] - 1) / 2 == most_holders
    end)
else
    local n = redis.call('HGET', 'rb:p:numbers', ARGV[4])
    local _, text = nil, nil
    if n then _, text = entry_find(tonumber(n), ARGV[5], ARGV[6]) end
    rows[1] = { '' }
    if text then add_holder(rows[1], tonumber(n), text) end
end
return { mark, last, math.ceil(effort), peers, unpack(rows) }
