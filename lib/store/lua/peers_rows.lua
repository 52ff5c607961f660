-- Rows of the index of peers: entries with everybody who holds the same content. After peers_tree.lua and peers_entry.lua.
--
-- KEYS  1 rb:mark  2 rb:nodes
-- ARGV  1 what to read  2 a peer's id to leave out, or ""  3 most holders of a row
-- "walk"  4 tree  5 low  6 high ("[…" or "(…")  7 most rows  8 most effort  9 the length below which a key stands for one name  10... words: rows in order, each
--         content once for each such key, else once for each name at a key. A name that lacks one of the words is passed over, but for some whose words are not known
-- "hash"  4 SHA-256 in 32 bytes: one row
-- "name"  4 low  5 high in the tree of names  6 a name: one row of those who have it, whatever their contents
-- "one"   4 peer id  5 8 bytes of the hash of the name  6 name: one row of this entry, whether or not the peer is here
-- Effort is counted in records read; a row costs some more, and a member that is stepped over a part of one.
-- Answers {the mark's run_id; where the walk goes on after, "" at its end; the effort; {number, id, alive, facts or "", ...} of the peers of these rows; a row, ...}; {""} without a mark.
-- A row is {member or "", number, record, number, record, ...}: the entry itself comes first, then the others that are here. The ring has number 0 and is always here.
local mark = call('HGET', KEYS[1], 'run_id')
if not mark then return { '' } end
local what, exclude, most_holders = ARGV[1], ARGV[2], tonumber(ARGV[3])
local effort = 0
local STEP, ROW = 1 / 4, 5    -- what a member stepped over and a row cost
local AT_ONCE = 64            -- of what is read with one command: records of which most may be in vain, peers
local ASKED_ALONE = 8         -- peers that are asked for one by one
local find, sub, lower, byte = string.find, string.sub, string.lower, string.byte

-- Peers by the bytes of their numbers, with which refs begin: {number, id, whether it is alive}, and whether its entries count.
local known, here = {}, { [struct.pack('>I3', 0)] = true }
local function know(ids, numbers)
    local keys = {}
    for i = 1, #ids do keys[i] = 'rb:alive:' .. ids[i] end
    local alive = #keys > 0 and call('MGET', unpack(keys))
    for i = 1, #ids do
        local bytes = struct.pack('>I3', numbers[i])
        known[bytes] = { numbers[i], ids[i], alive[i] }
        here[bytes] = alive[i] and ids[i] ~= exclude or false
    end
end
local function know_all()
    local given, ids, numbers = call('HGETALL', 'rb:p2:numbers'), {}, {}
    for i = 1, #given, 2 do
        if given[i] ~= 'next' then ids[#ids + 1], numbers[#numbers + 1] = given[i], tonumber(given[i + 1]) end
        if #ids == AT_ONCE or i + 2 > #given then
            know(ids, numbers)
            ids, numbers = {}, {}
        end
    end
end

-- Whether an entry's peer is here and not left out. The first ones are asked for one by one, then all at once.
local asked = 0
local function is_here(ref)
    local bytes = sub(ref, 1, 3)
    if here[bytes] == nil then
        local n = struct.unpack('>I3', bytes)
        asked = asked + 1
        if asked > ASKED_ALONE then
            know_all()
        else
            know({ call('HGET', 'rb:p2:' .. n, 'id') or nil }, { n })
        end
        here[bytes] = here[bytes] or false
    end
    return here[bytes]
end

local function read_records(refs)
    effort = effort + #refs
    return records_of(refs)
end

local holders, holders_seen = {}, {}
local function add_holder(row, ref, text)
    local peer = known[sub(ref, 1, 3)]
    row[#row + 1], row[#row + 2] = peer and peer[1] or 0, text
    if peer and not holders_seen[peer] then
        holders_seen[peer] = true
        holders[#holders + 1] = peer
    end
end

-- The holders of all rows, with the facts that they tell of themselves.
local function tell_holders()
    local ids, told = {}, {}
    for i = 1, #holders do ids[i] = holders[i][2] end
    local facts = #ids > 0 and call('HMGET', KEYS[2], unpack(ids)) or {}
    for i = 1, #holders do
        local peer, at = holders[i], #told
        told[at + 1], told[at + 2], told[at + 3], told[at + 4] = peer[1], peer[2], peer[3] and 1 or 0, facts[i] or ''
    end
    return told
end

-- Adds all who are here and hold a content to a row that may have its first holder, own_ref, already.
local function add_holders(row, sha, own_ref)
    local from, left = sub(sha, 1, 8), most_holders - (#row - 1) / 2
    tree_find('rb:p2:h', from, AFTER, function(members)
        local refs = {}
        for i = 1, #members do
            local ref = sub(members[i], 9)
            if #refs < left and ref ~= own_ref and is_here(ref) then refs[#refs + 1] = ref end
        end
        local records = read_records(refs)
        for i = 1, #records do
            local _, there = nil, nil
            if records[i] then _, there = parse_record(records[i]) end
            if there == sha then
                add_holder(row, refs[i], records[i])
                left = left - 1
            end
        end
        return left == 0
    end)
end

local words, middles = {}, {}    -- what must begin a word of a name, and the same cut and with a space before it
for i = 10, what == 'walk' and #ARGV or 0 do
    words[#words + 1] = ARGV[i]
    middles[#middles + 1] = ' ' .. sub(ARGV[i], 1, WORD_BYTES)
end

-- Whether a word of a name in small letters begins so.
local function has_word(name, word)
    local at = find(name, word, 1, true)
    while at do
        local before = byte(name, at - 1)
        if not before or before < 48 or (before > 57 and before < 97) or before > 122 then return true end
        at = find(name, word, at + 1, true)
    end
    return false
end

-- Whether all words may begin words of a record's name.
local function may_fit(text)
    if #words == 0 then return true end
    local stop = find(text, '\0', 1, true)
    local first = byte(text, stop + 1)
    if first == 0 then
        local name = lower(sub(text, 1, stop - 1))
        for i = 1, #words do
            if not has_word(name, words[i]) then return false end
        end
    elseif first ~= 63 then
        local ending = find(text, '\0', stop + 1, true)
        for i = 1, #middles do
            local at = find(text, middles[i], stop + 1, true)
            if not at or at > ending then return false end
        end
    end
    return true
end

local rows, last = {}, ''
local function walk(tree, low, high, most_rows, most_effort, whole_below)
    local names, group_before = {}, nil    -- of the rows of one group: entries with one content at one key
    local taken = nil                      -- the last group whose key stands for one name of which somebody is here: it becomes one row

    local function is_whole(group)
        return #group - 7 < whole_below and sub(group, -6) ~= NO_HASH
    end

    -- The row of an entry, unless its name was met in this group already.
    local function take(member, ref, text)
        local group = sub(member, 1, -7)
        local name, sha = parse_record(text)
        if group ~= group_before then names, group_before = {}, group end
        if sha ~= '' and names[name] then return end
        names[name] = true
        local row = { member }
        add_holder(row, ref, text)
        if sha ~= '' then add_holders(row, sha, ref) end
        rows[#rows + 1] = row
        effort = effort + ROW
    end

    -- Looks ahead in members from `first` on: the entries that may become rows, their refs, and where it stopped.
    local function read_ahead(members, first)
        local found, refs, i = {}, {}, first
        local most = math.min(AT_ONCE, #words > 0 and AT_ONCE or most_rows - #rows)
        while i <= #members and #refs < most and effort + #refs < most_effort do
            local member = members[i]
            local group = whole_below > 0 and sub(member, 1, -7)
            local ref = sub(member, -6)
            if (not group or group ~= taken) and is_here(ref) then
                found[#found + 1], refs[#refs + 1] = i, ref
                if group and is_whole(group) then taken = group end
            end
            effort = effort + STEP
            i = i + 1
        end
        return found, refs, i
    end

    tree_walk(tree, low, high, function(members)
        local next = 1
        while next <= #members do
            if #rows >= most_rows or effort >= most_effort then return true end
            local found, refs, behind = read_ahead(members, next)
            local records = read_records(refs)
            for i = 1, #found do
                if #rows >= most_rows then return true end
                local member = members[found[i]]
                local group = sub(member, 1, -7)
                last = is_whole(group) and group .. AFTER or member
                if records[i] and may_fit(records[i]) then take(member, refs[i], records[i]) end
            end
            next = behind
            local group = sub(members[next - 1], 1, -7)
            last = group == taken and group .. AFTER or members[next - 1]
        end
        return false
    end)
    -- The walk was broken off in time, or came to its end: then nothing is left to go on with.
    if #rows < most_rows and effort < most_effort then last = '' end
end

if what == 'walk' then
    walk(ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9]))
elseif what == 'hash' then
    rows[1] = { '' }
    add_holders(rows[1], ARGV[4])
elseif what == 'name' then
    rows[1] = { '' }
    tree_walk('rb:p2:n', ARGV[4], ARGV[5], function(members)
        local refs = {}
        for i = 1, #members do
            local ref = sub(members[i], -6)
            if is_here(ref) and known[sub(ref, 1, 3)] then refs[#refs + 1] = ref end
        end
        local records = read_records(refs)
        for i = 1, #records do
            if records[i] and parse_record(records[i]) == ARGV[6] then add_holder(rows[1], refs[i], records[i]) end
            if (#rows[1] - 1) / 2 == most_holders then return true end
        end
        return false
    end)
else
    local n = call('HGET', 'rb:p2:numbers', ARGV[4])
    local ref, text = nil, nil
    if n then ref, text = entry_find(tonumber(n), ARGV[5], ARGV[6]) end
    rows[1] = { '' }
    if text then
        is_here(ref)    -- now its peer is known, wherever it is
        add_holder(rows[1], ref, text)
    end
end
return { mark, last, math.ceil(effort), tell_holders(), unpack(rows) }
