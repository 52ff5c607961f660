-- Some files of a peer, by which its list is cleared. After peers_tree.lua and peers_entry.lua.
-- ARGV  1 peer id  2 how many at most. Answers their names; none when there is no such list.
local n = redis.call('HGET', 'rb:p2:numbers', ARGV[1])
local names, most = {}, tonumber(ARGV[2])
if not n then return names end
local from = struct.pack('>I3', tonumber(n))
tree_walk('rb:p2:e', '[' .. from, '[' .. from .. AFTER .. AFTER, function(members)
    local refs = {}
    for i = 1, math.min(#members, most - #names) do refs[i] = from .. string.sub(members[i], 12) end
    local records = records_of(refs)
    for i = 1, #records do
        if records[i] then names[#names + 1] = (parse_record(records[i])) end
    end
    return #names == most
end)
return names
