-- One page of listed courses, in one of two orders, from a place on.
--
-- KEYS  1 rb:byname  2 rb:newest  3 rb:words
-- ARGV  1 "n" by name, "w" newest first  2 the member after which to go on, or ""  3 page size  4 most courses looked at
--       5 key prefix or ""  6 "=<term key>" or ""  7... words, each to be a prefix of one of the course's words
-- A course matches when its key starts with the prefix or every word fits; and its term is the one asked for.
-- Answers {member to go on after or "", then three for each course: current record, live versions, the current one's number}.
--
-- Two ways lead to a page. Walking the order and testing each course is quick when many match; collecting what the rarest condition lists in rb:words is
-- quick when few do. The walk gets as many steps as the collection would have candidates, then the collection takes over: at most twice the better way.
local by_name, after, limit, most, prefix, term = ARGV[1] == 'n', ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5], ARGV[6]
local words = { unpack(ARGV, 7) }
local order = by_name and KEYS[1] or KEYS[2]
local find, sub, byte = string.find, string.sub, string.byte
local BATCH = 100

local digits = {}
for i = 0, 15 do digits[string.format('%x', i)] = string.format('%x', 15 - i) end

-- Bytes, not strcoll: Redis sets the collation of its environment's locale, and sorted sets go by bytes.
local function before(a, b)
    local shorter = math.min(#a, #b)
    for i = 1, shorter do
        local x, y = byte(a, i), byte(b, i)
        if x ~= y then return x < y end
    end
    return #a < #b
end

local function words_fit(text)
    for i = 1, #words do
        if not find(text, ' ' .. words[i], 1, true) then return false end
    end
    return #words > 0
end

local function matches(key, text)
    if term ~= '' and not find(text, ' ' .. term .. ' ', 1, true) then return false end
    if prefix == '' and #words == 0 then return true end
    return (prefix ~= '' and sub(key, 1, #prefix) == prefix) or words_fit(text)
end

-- The first limit + 1 matches in order; true when the walk came to an end or filled the page; and where it stopped.
local function walk(steps)
    local page, last, seen = {}, after, 0
    while true do
        local batch = redis.call('ZRANGEBYLEX', order, last == '' and '-' or '(' .. last, '+', 'LIMIT', 0, BATCH)
        for i = 1, #batch do
            local member = batch[i]
            local key = by_name and member or sub(member, 34)
            local text = redis.call('HGET', 'rb:c:' .. key, 'words')
            if text and matches(key, text) then
                page[#page + 1] = member
                if #page > limit then return page, true, member end
            end
            last = member
        end
        if #batch < BATCH then return page, true, last end
        seen = seen + #batch
        if seen >= steps then return page, false, last end
    end
end

-- Where rb:words (or rb:byname, for the prefix) lists what fits a condition.
local function sources()
    local function source(set, low, high)
        return { set = set, low = low, high = high, n = redis.call('ZLEXCOUNT', set, low, high) }
    end
    local best, total
    for i = 1, #words do
        local one = source(KEYS[3], '[' .. words[i], '[' .. words[i] .. '\255')
        if not best or one.n < best.n then best = one end
    end
    local list = { best }
    if prefix ~= '' then list[#list + 1] = source(KEYS[1], '[' .. prefix, '[' .. prefix .. '\255') end
    total = 0
    for i = 1, #list do total = total + list[i].n end
    if term ~= '' then
        local one = source(KEYS[3], '[' .. term .. '\0', '(' .. term .. '\1')
        if #list == 0 or one.n < total then return { one }, one.n end
    end
    return list, total
end

-- The same page from the candidates that the sources list: keeps the first limit + 1 in order.
local function collect(list)
    local page, seen = {}, {}
    local function keep(member)
        if after ~= '' and not before(after, member) then return end
        if #page > limit then
            if not before(member, page[#page]) then return end
            page[#page] = nil
        end
        local low, high = 1, #page + 1
        while low < high do
            local middle = math.floor((low + high) / 2)
            if before(page[middle], member) then low = middle + 1 else high = middle end
        end
        table.insert(page, low, member)
    end
    for _, source in ipairs(list) do
        local found = redis.call('ZRANGEBYLEX', source.set, source.low, source.high)
        for i = 1, #found do
            local zero = find(found[i], '\0', 1, true)
            local key = zero and sub(found[i], zero + 1) or found[i]
            if not seen[key] then
                seen[key] = true
                local facts = redis.call('HMGET', 'rb:c:' .. key, 'words', 'id')
                if facts[1] and facts[2] and matches(key, facts[1]) then
                    keep(by_name and key or (string.gsub(facts[2], '%x', digits) .. ':' .. key))
                end
            end
        end
    end
    return page
end

local page, done, last
if prefix == '' and term == '' and #words == 0 then
    page, done = redis.call('ZRANGEBYLEX', order, after == '' and '-' or '(' .. after, '+', 'LIMIT', 0, limit + 1), true
else
    local list, candidates = sources()
    local courses = redis.call('ZCARD', order)
    if candidates == 0 then
        page, done = {}, true
    elseif candidates * candidates > courses * limit then
        page, done, last = walk(math.min(candidates, most))
    end
    if not done and candidates <= most then page, done = collect(list), true end
end

local out = { '' }
for i = 1, math.min(#page, limit) do
    local key = by_name and page[i] or sub(page[i], 34)
    local facts = redis.call('HMGET', 'rb:c:' .. key, 'cur', 'n', 'version')
    if facts[1] then
        for f = 1, 3 do out[#out + 1] = facts[f] end
    end
end
if #page > limit then out[1] = page[limit] elseif not done then out[1] = last end
return out
