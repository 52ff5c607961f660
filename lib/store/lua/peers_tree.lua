-- Ordered sets of binary members for the index of peers (peers.h); stands before each script that needs it. A tree is a sorted set of bounds, and for each bound a leaf: a sorted
-- set of what lies from it up to the next bound. Redis keeps a sorted set of at most 128 short members in one piece of memory, so leaves never grow beyond that.
-- No member is the beginning of another one.
local LEAF_FULL, LEAF_FEW, LEAF_JOINED = 128, 32, 96

-- The bound of the leaf in which `place` lies or would lie; nil: it lies before all of them.
local function leaf_of(tree, place)
    return redis.call('ZREVRANGEBYLEX', tree, '[' .. place, '-', 'LIMIT', 0, 1)[1]
end

local function with_scores(members)
    local args = {}
    for i = 1, #members do args[2 * i - 1], args[2 * i] = 0, members[i] end
    return args
end

local function tree_add(tree, member)
    local bound = leaf_of(tree, member)
    if not bound then
        bound = ''
        redis.call('ZADD', tree, 0, bound)
    end
    local leaf = tree .. ':' .. bound
    redis.call('ZADD', leaf, 0, member)
    if redis.call('ZCARD', leaf) < LEAF_FULL then return end
    local upper = redis.call('ZRANGE', leaf, LEAF_FULL / 2, -1)
    redis.call('ZREM', leaf, unpack(upper))
    redis.call('ZADD', tree, 0, upper[1])
    redis.call('ZADD', tree .. ':' .. upper[1], unpack(with_scores(upper)))
end

-- A leaf that has become small goes into the one before it: else peers that come and go would leave more leaves than members.
local function tree_remove(tree, member)
    local bound = leaf_of(tree, member)
    if not bound then return end
    local leaf = tree .. ':' .. bound
    redis.call('ZREM', leaf, member)
    local left = redis.call('ZCARD', leaf)
    if left > LEAF_FEW then return end
    if left == 0 then
        redis.call('ZREM', tree, bound)
        return
    end
    local before = redis.call('ZREVRANGEBYLEX', tree, '(' .. bound, '-', 'LIMIT', 0, 1)[1]
    if not before or redis.call('ZCARD', tree .. ':' .. before) + left > LEAF_JOINED then return end
    local members = redis.call('ZRANGE', leaf, 0, -1)
    redis.call('DEL', leaf)
    redis.call('ZREM', tree, bound)
    redis.call('ZADD', tree .. ':' .. before, unpack(with_scores(members)))
end

-- Calls each(member) in order for what lies between low and high ("[…" with it, "(…" without, high also "+") until that returns true.
local function tree_walk(tree, low, high, each)
    local bound = leaf_of(tree, string.sub(low, 2)) or redis.call('ZRANGE', tree, 0, 0)[1]
    while bound do
        local members = redis.call('ZRANGEBYLEX', tree .. ':' .. bound, low, high)
        for i = 1, #members do
            if each(members[i]) then return end
        end
        bound = redis.call('ZRANGEBYLEX', tree, '(' .. bound, high, 'LIMIT', 0, 1)[1]
    end
end

-- How many members lie there, at a guess when they are in several leaves.
local function tree_count(tree, low, high)
    local bounds = redis.call('ZLEXCOUNT', tree, low, high)
    local first = leaf_of(tree, string.sub(low, 2))
    local in_first = first and redis.call('ZLEXCOUNT', tree .. ':' .. first, low, high) or 0
    return in_first + bounds * LEAF_JOINED
end
