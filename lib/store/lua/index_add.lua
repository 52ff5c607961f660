-- Adds records of one course and brings everything derived from them up to date, in one step that nobody sees half done.
--
-- KEYS  1 rb:v:<key>  2 rb:c:<key>  3 rb:x:<key>  4 rb:byname  5 rb:newest  6 rb:words  7 rb:events; it also reads rb:mark, which the api must not write
-- ARGV  1 course key  2 event kind or ""  3 course as shown; with kind "adopted" what the file is called  4 time of the event  5 length of the stream
--       6 "", or the token of a rebuild or sweep: nothing is added when another one has begun since
--       then four for each record: id, JSON, fact, owner (index_owner.lua)
-- A fact is "<kind> <of> <upload> <words...>". Kinds: v a version, a a tombstone of everything older, o a tombstone of one version; of is "-" when empty.
-- The key of an adopted file, "peer/<its hash>", is not listed among the courses: its fact has in place of words what puts it into the index of peers (peers_entry.lua).
-- Nor is the key of a document of the system, "sys/…", whose fact has no words: it stands in rb:sys while there is a current version.
-- Ids are hex stamps of one length, so that they compare as text (digits and a-f sort alike in every locale).
-- Answers how many records were new; -1: the token is not the present one.
--
-- A version whose upload id is new and which no tombstone names can only become the current one or stay behind it: that takes a few steps however
-- long the history is. The rest (tombstones of one version, late tombstones, further attempts of an upload) looks at all facts again.
if ARGV[6] ~= '' and redis.call('HGET', 'rb:mark', 'holder') ~= ARGV[6] then return -1 end
local key = ARGV[1]
local state = redis.call('HMGET', KEYS[2], 'id', 'kind', 'n', 'version', 'shown', 'head', 'del', 'words')
local was_id, was_words = state[1] or '', state[8] or ''
local id, current_kind = was_id, state[2] or ''
local n, version, shown = tonumber(state[3] or '0'), tonumber(state[4] or '0'), tonumber(state[5] or '0')
local head, del = state[6] or '', state[7] or ''

local function fact_of(text)
    return string.match(text, '^(%a) (%S+) (%S+) ?(.*)$')
end

-- Attempts of one thing: versions of one upload, or deletes of one target by one upload. Only the newest of them is shown.
local function attempt_of(kind, of, upload)
    return (kind == 'v' and 'v' or 'd ' .. of) .. ' ' .. upload
end

-- The pure functions of lib/wire/history.c once more: the current record, its number, and how many versions are live.
local function look_at_all()
    local all = redis.call('HGETALL', KEYS[3])
    local kinds, attempts, newest, removed, newest_delete = {}, {}, {}, {}, ''
    id, current_kind, n, version, shown, del = '', '', 0, 0, 0, ''
    for i = 1, #all, 2 do
        local rid = all[i]
        if #rid == 32 then
            local kind, of, upload = fact_of(all[i + 1])
            local attempt = attempt_of(kind, of, upload)
            kinds[rid], attempts[rid] = kind, attempt
            if rid > (newest[attempt] or '') then newest[attempt] = rid end
            -- A delete keeps its effect when a newer attempt of it supersedes it.
            if kind == 'a' and rid > del then del = rid end
            if kind == 'o' then removed[of] = true end
            if kind ~= 'v' and rid > newest_delete then newest_delete = rid end
        end
    end
    for rid, kind in pairs(kinds) do
        if kind == 'v' and not removed[rid] and newest[attempts[rid]] == rid then
            if rid > id then id = rid end
            if rid > del then n = n + 1 end
        end
    end
    if id ~= '' and id > del then
        current_kind = 'v'
    elseif del ~= '' then
        id, current_kind = del, 'a'
    else
        id, current_kind = newest_delete, 'o' -- every version was removed by itself
    end
    for rid in pairs(kinds) do
        if newest[attempts[rid]] == rid then
            shown = shown + 1
            if rid <= id then version = version + 1 end
        end
    end
end

-- A call costs more than anything else here: what came along is not asked back, and in a course that is new nothing is looked for.
local added, again, fresh, given = 0, current_kind == 'o', not state[1], {}
for i = 7, #ARGV, 4 do
    local rid = ARGV[i]
    if redis.call('HSETNX', KEYS[1], rid, ARGV[i + 1]) == 1 then
        added, shown = added + 1, shown + 1
        given[rid] = i
        local kind, of, upload = fact_of(ARGV[i + 2])
        local marks = fresh and {} or redis.call('HMGET', KEYS[3], 'u:' .. upload, 't:' .. rid)
        fresh = false
        redis.call('HSET', KEYS[3], rid, ARGV[i + 2], 'u:' .. upload, rid)
        owner_add(key, rid, kind, ARGV[i + 3])
        if kind == 'o' then
            redis.call('HSET', KEYS[3], 't:' .. of, rid)
            owner_gone(key, of, rid, string.find(ARGV[i + 3], '^%d+ e ') ~= nil)
        end
        if kind == 'v' and marks[2] then owner_gone(key, rid, marks[2], false) end
        if marks[1] or marks[2] or kind == 'o' then
            again = true
        elseif rid > head then
            id, current_kind, version = rid, kind, shown
            if kind == 'a' then n, del = 0, rid else n = n + 1 end
        elseif kind == 'v' and rid < id then
            version = version + 1
            if rid > del then n = n + 1 end
        else
            again = true
        end
        if rid > head then head = rid end
    end
end
-- An event says which record it is about. `text` is the words text that is in force.
local function tell(text)
    local what = { 'kind', ARGV[2], ARGV[2] == 'adopted' and 'name' or 'course', ARGV[3], 'key', key, 'id', ARGV[7], 'at', ARGV[4] }
    if ARGV[2] == 'adopted' then
        what[#what + 1] = 'size'
        what[#what + 1] = string.match(text, '^ %x+ %x+ (%d+) ') or '0'
    end
    redis.call('XADD', KEYS[7], 'MAXLEN', '~', ARGV[5], '*', unpack(what))
end
local function is_told()
    for _, event in ipairs(redis.call('XREVRANGE', KEYS[7], '+', '-', 'COUNT', 100)) do
        for i = 1, #event[2], 2 do
            if event[2][i] == 'id' and event[2][i + 1] == ARGV[7] then return true end
        end
    end
    return false
end
if added == 0 then
    -- A reader found the record at its owners and brought it here before the one who wrote it: the event is still due. Told again it is not, as far as the stream shows.
    if ARGV[2] ~= '' and not is_told() then tell(was_words) end
    return 0
end
if again then look_at_all() end

local words = ''
if current_kind == 'v' then
    local _, _, _, text = fact_of(given[id] and ARGV[given[id] + 2] or redis.call('HGET', KEYS[3], id))
    words = ' ' .. text .. ' '
end

-- Listed means: there is a current version. Its words text is never empty then, if only two spaces.
local was_listed, listed = was_words ~= '', words ~= ''
local digits = {}
for i = 0, 15 do digits[string.format('%x', i)] = string.format('%x', 15 - i) end
-- What the sets hold of this course while `of` is its current record and `text` its words.
local function list_with(of, text, remove)
    if is_adopted(key) then return ring_change(key, text, remove) end
    if is_sys(key) then return redis.call(remove and 'ZREM' or 'ZADD', SYS, unpack(remove and { key } or { 0, key })) end
    local inverted = string.gsub(of, '%x', digits)
    local place = inverted .. ':' .. key
    local function change(set, members)
        local args = {}
        for _, member in ipairs(members) do
            if not remove then args[#args + 1] = 0 end
            args[#args + 1] = member
        end
        if #args > 0 then redis.call(remove and 'ZREM' or 'ZADD', set, unpack(args)) end
    end
    local members, had = {}, {}
    for word in string.gmatch(text, '%S+') do
        if not had[word] then members[#members + 1] = word .. '\0' .. place end
        had[word] = true
    end
    change(KEYS[4], { key .. '\0' .. inverted .. text })
    change(KEYS[5], { place .. '\0' .. text })
    change(KEYS[6], members)
end
if id ~= was_id or words ~= was_words then
    if was_listed then list_with(was_id, was_words, true) end
    if listed then list_with(id, words, false) end
end

local facts = { 'n', n, 'version', version, 'shown', shown, 'head', head, 'del', del, 'words', words }
if id ~= was_id then
    local current = given[id] and ARGV[given[id] + 1] or redis.call('HGET', KEYS[1], id)
    for _, fact in ipairs({ 'id', id, 'kind', current_kind, 'cur', current }) do facts[#facts + 1] = fact end
end
redis.call('HSET', KEYS[2], unpack(facts))
if ARGV[2] ~= '' then tell(words) end
return added
