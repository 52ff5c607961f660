-- Takes fulfilled wishes out, unless others stand in their place by now.
-- KEYS: hash of wishes. ARGV: field, value, field, value, ... Answers how many went.
local gone = 0
for i = 1, #ARGV, 2 do
    if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then
        gone = gone + redis.call('HDEL', KEYS[1], ARGV[i])
    end
end
return gone
