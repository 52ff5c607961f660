-- Some files of a peer, by which its list is cleared. After peers_tree.lua and peers_entry.lua.
-- ARGV  1 peer id  2 how many at most. Answers their names; none when there is no such list.
local n = redis.call('HGET', 'rb:p:numbers', ARGV[1])
local names, most = {}, tonumber(ARGV[2])
if not n then return names end
local from = struct.pack('>I3', tonumber(n))
tree_walk('rb:p:e', '[' .. from, '[' .. from .. AFTER .. AFTER, function(member)
    local _, _, _, name = parse_record(record_at(n, struct.unpack('>I3', member, 12)))
    names[#names + 1] = name
    return #names == most
end)
return names
