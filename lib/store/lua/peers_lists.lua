-- KEYS: rb:p2:numbers, rb:nodes, rb:mark. ARGV: "facts" to answer the nodes' facts too.
-- Answers {the mark's run_id or "", {id, digest, files, since, alive, ...} of all lists but the ring's, {facts, alive, ...} of all nodes}.
local lists, nodes = {}, {}
local function add(to, ...)
    for _, value in ipairs({ ... }) do to[#to + 1] = value end
end
local numbers = redis.call('HGETALL', KEYS[1])
for i = 1, #numbers, 2 do
    local id = numbers[i]
    if id ~= 'next' then
        local state = redis.call('HMGET', 'rb:p2:' .. numbers[i + 1], 'digest', 'files', 'since')
        add(lists, id, state[1] or '', state[2] or '0', state[3] or '0', redis.call('EXISTS', 'rb:alive:' .. id))
    end
end
if ARGV[1] == 'facts' then
    local facts = redis.call('HGETALL', KEYS[2])
    for i = 1, #facts, 2 do add(nodes, facts[i + 1], redis.call('EXISTS', 'rb:alive:' .. facts[i])) end
end
return { redis.call('HGET', KEYS[3], 'run_id') or '', lists, nodes }
