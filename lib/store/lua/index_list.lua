-- One page of listed courses, in one of two orders, from a place on.
--
-- KEYS  1 rb:byname  2 rb:newest  3 rb:words  4 rb:mark
-- ARGV  1 "n" by name, "w" newest first  2 the place after which to go on, or ""  3 page size  4 most courses looked at
--       5 key prefix or ""  6 "=<term key>" or ""  7... words, each to be a prefix of one of the course's words
-- A place is the part of a member before its zero byte. A course matches when its key starts with the prefix or every word fits; and its term is the one asked for.
-- Answers {the mark's run_id, place to go on after or "", then three for each course: current record, live versions, the current one's number};
-- {""} while the index has no mark.
--
-- Two ways lead to a page. Walking the order and testing each course is quick when many match: the members hold the courses' words. Collecting what the
-- rarest condition lists is quick when few do. What looks cheaper goes first; a walk that gets too long is given up for the collection.
-- Neither asks for anything course by course: a call from Lua costs as much as looking at ten members.
local mark = redis.call('HGET', KEYS[4], 'run_id')
if not mark then return { '' } end
local by_name, after, limit, most, prefix, term = ARGV[1] == 'n', ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5], ARGV[6]
local words = { unpack(ARGV, 7) }
local order = by_name and KEYS[1] or KEYS[2]
local key_at = by_name and 1 or 34
local find, sub, byte = string.find, string.sub, string.byte
local BATCH = 100   -- members read at once
local STEP = 2      -- a collected candidate costs as much as so many steps of the walk
local FAR = 8       -- a condition with so many times the candidates is not listed but asked course by course

local starts = {}
for i = 1, #words do starts[i] = ' ' .. words[i] end
local term_word = ' ' .. term .. ' '

-- Places in order. Those of the newest begin with 32 hex digits, which sort alike everywhere. Keys go by bytes, as sorted sets do, and not by strcoll: Redis takes
-- the collation of its environment. Four bytes at a time, because each call costs.
local function before(a, b)
    if not by_name then return a < b end
    for i = 1, math.min(#a, #b), 4 do
        local a1, a2, a3, a4 = byte(a, i, i + 3)
        local b1, b2, b3, b4 = byte(b, i, i + 3)
        if a1 ~= b1 then return a1 < b1 end
        if a2 ~= b2 then return (a2 or -1) < (b2 or -1) end
        if a3 ~= b3 then return (a3 or -1) < (b3 or -1) end
        if a4 ~= b4 then return (a4 or -1) < (b4 or -1) end
    end
    return #a < #b
end

local function has_term(text, from)
    return term == '' or find(text, term_word, from, true) ~= nil
end

local function has_words(text, from)
    for i = 1, #starts do
        if not find(text, starts[i], from, true) then return false end
    end
    return true
end

-- A member of an order holds the course's key from key_at on and its words from `from` on.
local function matches(member, from)
    if not has_term(member, from) then return false end
    if prefix == '' then return has_words(member, from) end
    return sub(member, key_at, key_at + #prefix - 1) == prefix or (#words > 0 and has_words(member, from))
end

-- The first limit + 1 matching places in order; true when the walk came to an end or filled the page; and where it stopped.
local function walk(steps)
    local page, last, seen = {}, after, 0
    while true do
        local low = last == '' and '-' or '(' .. last .. '\0\255'
        local batch = redis.call('ZRANGEBYLEX', order, low, '+', 'LIMIT', 0, BATCH)
        for i = 1, #batch do
            local member = batch[i]
            local zero = find(member, '\0', key_at, true)
            if matches(member, zero) then
                page[#page + 1] = sub(member, 1, zero - 1)
                if #page > limit then return page, true end
            end
            if i == #batch then last = sub(member, 1, zero - 1) end
        end
        if #batch < BATCH then return page, true end
        seen = seen + #batch
        if seen >= steps then return page, false, last end
    end
end

-- Where what fits a condition is listed, and how much that is.
local function range(set, low, high)
    return { set = set, low = low, high = high, n = redis.call('ZLEXCOUNT', set, low, high) }
end
local listed_words, listed_prefix, listed_term = {}, nil, nil
for i = 1, #words do listed_words[i] = range(KEYS[3], '[' .. words[i], '[' .. words[i] .. '\255') end
table.sort(listed_words, function(a, b) return a.n < b.n end)
if prefix ~= '' then listed_prefix = range(KEYS[1], '[' .. prefix, '[' .. prefix .. '\255') end
if term ~= '' then listed_term = range(KEYS[3], '[' .. term .. '\0', '(' .. term .. '\1') end

-- The conditions that hold all at once, the rarest first: words and term, or only the term.
local function together()
    local list = { unpack(listed_words) }
    if listed_term and (#list > 0 or not listed_prefix) then
        list[#list + 1] = listed_term
        table.sort(list, function(a, b) return a.n < b.n end)
    end
    return list
end

-- How many candidates a collection has, and how many courses match at a guess: as if words came independently of each other.
local function reckon(courses)
    local list, candidates, share = together(), 0, 0
    if list[1] then
        candidates, share = list[1].n, 1
        for i = 1, #list do share = share * math.min(list[i].n / courses, 1) end
    end
    if listed_prefix then
        candidates = candidates + listed_prefix.n
        share = share + listed_prefix.n / courses * (listed_term and listed_term.n / courses or 1)
    end
    return candidates, share * courses
end

-- Keeps the first limit + 1 places in order, each once.
local function new_page()
    local page, seen = {}, {}
    return page, function(place)
        if seen[place] then return end
        seen[place] = true
        if (#page > limit and not before(place, page[#page])) or (after ~= '' and not before(after, place)) then return end
        if #page > limit then page[#page] = nil end
        local low, high = 1, #page + 1
        while low < high do
            local middle = math.floor((low + high) / 2)
            if before(page[middle], place) then low = middle + 1 else high = middle end
        end
        table.insert(page, low, place)
    end
end

-- The members of a range of rb:words without their word: "<inverted stamp>:<key>".
local function courses_of(one)
    local found = redis.call('ZRANGEBYLEX', one.set, one.low, one.high)
    for i = 1, #found do found[i] = sub(found[i], find(found[i], '\0', 1, true) + 1) end
    return found
end

-- The same page from what is listed.
local function collect()
    local page, keep = new_page()
    local list = together()
    if list[1] then
        local sets, ask = {}, false
        for i = 2, #list do
            if list[i].n > FAR * list[1].n then
                ask = true
            else
                local set = {}
                for _, course in ipairs(courses_of(list[i])) do set[course] = true end
                sets[#sets + 1] = set
            end
        end
        for _, course in ipairs(courses_of(list[1])) do
            local fits = true
            for i = 1, #sets do fits = fits and sets[i][course] end
            if fits and ask then
                local text = redis.call('HGET', 'rb:c:' .. sub(course, 34), 'words')
                fits = text and has_term(text, 1) and has_words(text, 1)
            end
            if fits then keep(by_name and sub(course, 34) or course) end
        end
    end
    if listed_prefix then
        local found = redis.call('ZRANGEBYLEX', listed_prefix.set, listed_prefix.low, listed_prefix.high)
        for i = 1, #found do
            local zero = find(found[i], '\0', 1, true)
            if has_term(found[i], zero) then
                local key = sub(found[i], 1, zero - 1)
                keep(by_name and key or sub(found[i], zero + 1, zero + 32) .. ':' .. key)
            end
        end
    end
    return page
end

local page, done, last
if prefix == '' and term == '' and #words == 0 then
    page, done = walk(limit + 1)
else
    local courses = redis.call('ZCARD', order)
    local candidates, expected = reckon(courses)
    if candidates == 0 then
        page, done = {}, true
    elseif candidates > most or courses * limit < STEP * candidates * expected then
        page, done, last = walk(math.min(STEP * candidates, most))
    end
    if not done and candidates <= most then page, done = collect(), true end
end

local out = { mark, '' }
for i = 1, math.min(#page, limit) do
    local facts = redis.call('HMGET', 'rb:c:' .. sub(page[i], key_at), 'cur', 'n', 'version')
    if facts[1] then
        for f = 1, 3 do out[#out + 1] = facts[f] end
    end
end
if #page > limit then out[2] = page[limit] elseif not done then out[2] = last end
return out
