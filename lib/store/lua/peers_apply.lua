-- One step of a peer's list, whole or not at all. After peers_tree.lua and peers_entry.lua.
--
-- ARGV  1 peer id  2 what to do  3 the digest that must be listed, or the token of who has begun  4 the digest afterwards  5 most files of a list
--       then five for each file: 8 bytes of the hash of its name, name, "<size> <mtime>" ("" to remove it), SHA-256 in 32 bytes or "", the keys it is found by
-- "delta": the files, if the list's digest is ARGV[3].
-- "begin": no files; the list has no digest from here on, and ARGV[3] is who clears it.
-- "clear": the files, if ARGV[3] is still who clears it. The digest stays away.
-- "anew":  the same, if the list is empty, and it has the digest ARGV[4] from here on.
-- "drop":  the list goes, if it is empty and ARGV[3] is still who clears it.
-- Answers {1 done, 0 not as it must be, -1 too many files; the digest that is listed now, "" when there is none}.
local id, what, given, digest, most = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local FILES = 6
local n = redis.call('HGET', 'rb:p2:numbers', id)
local state = n and 'rb:p2:' .. n
local listed = state and redis.call('HGET', state, 'digest') or ''
local begun = state and redis.call('HGET', state, 'begun') or ''

if what == 'begin' then
    if not n then
        n = redis.call('HINCRBY', 'rb:p2:numbers', 'next', 1)
        redis.call('HSET', 'rb:p2:numbers', id, n)
        state = 'rb:p2:' .. n
        local now = redis.call('TIME')
        redis.call('HSET', state, 'id', id, 'files', 0, 'next', 0, 'since', string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000)))
    end
    redis.call('HSET', state, 'digest', '', 'begun', given)
    return { 1, '' }
end
if not n then return { 0, '' } end
if what == 'delta' then
    if listed == '' or listed ~= given then return { 0, listed } end
elseif begun ~= given or listed ~= '' then
    return { 0, listed }
end

local list = list_open(tonumber(n))
if (what == 'anew' or what == 'drop') and list.files > 0 then return { 0, listed } end
if what == 'drop' then
    redis.call('DEL', state)
    redis.call('HDEL', 'rb:p2:numbers', id)
    return { 1, '' }
end

-- Only a list that is nearly full is looked at before: which of the files are new to it?
local function has_room()
    local files = list.files
    if files + (#ARGV - FILES + 1) / 5 <= most then return true end
    for i = FILES, #ARGV, 5 do
        local there = entry_find(list.n, ARGV[i], ARGV[i + 1])
        if ARGV[i + 2] == '' and there then files = files - 1 end
        if ARGV[i + 2] ~= '' and not there then files = files + 1 end
    end
    return files <= most
end
if not has_room() then return { -1, listed } end

-- What goes comes first, so that its places are free for what comes.
for i = FILES, #ARGV, 5 do
    if ARGV[i + 2] == '' then entry_drop(list, ARGV[i], ARGV[i + 1], ARGV[i + 4]) end
end
for i = FILES, #ARGV, 5 do
    if ARGV[i + 2] ~= '' then entry_put(list, unpack(ARGV, i, i + 4)) end
end
list_close(list)
if what ~= 'clear' then redis.call('HSET', state, 'digest', digest) end
return { 1, what ~= 'clear' and digest or '' }
