-- Everything about who is there, seen at one moment.
-- KEYS: hash of nodes, hash of coordinators, lease, ring, wishes, news. ARGV: prefix of the nodes' alive keys, prefix of the coordinators'.
-- Answers {lease or "", ring document or "", {facts, alive, facts, alive, ...} of nodes, the same of coordinators, {id, wish, ...}, news or ""}.
local function with_alive(hash, prefix)
    local found = redis.call('HGETALL', hash)
    local out = {}
    for i = 1, #found, 2 do
        out[i] = found[i + 1]
        out[i + 1] = redis.call('EXISTS', prefix .. found[i])
    end
    return out
end
return {
    redis.call('GET', KEYS[3]) or '',
    redis.call('HGET', KEYS[4], 'document') or '',
    with_alive(KEYS[1], ARGV[1]),
    with_alive(KEYS[2], ARGV[2]),
    redis.call('HGETALL', KEYS[5]),
    redis.call('GET', KEYS[6]) or '',
}
