-- Ordered sets of binary members for the index of peers (peers.h); stands before each script that needs it. A tree is a sorted set of bounds, and for each bound a leaf: a sorted
-- set of what lies from it up to the next bound. Redis keeps a sorted set of at most 128 short members in one piece of memory, so leaves never grow beyond that.
-- No member is the beginning of another one. Numbers go to Redis as text: it would print and read them as floating point.
local LEAF_FULL, LEAF_HALF, LEAF_FEW, LEAF_JOINED = 128, '64', 32, 96
local call = redis.call

-- The bound of the leaf in which `place` lies or would lie; nil: it lies before all of them.
local function leaf_of(tree, place)
    return call('ZREVRANGEBYLEX', tree, '[' .. place, '-', 'LIMIT', '0', '1')[1]
end

-- Adds members from `first` to `last` to a leaf; how many were new to it.
local function leaf_add(leaf, members, first, last)
    if first == last then return call('ZADD', leaf, '0', members[first]) end
    local args = {}
    for i = first, last do
        args[#args + 1] = '0'
        args[#args + 1] = members[i]
    end
    return call('ZADD', leaf, unpack(args))
end

local function leaf_split(tree, leaf)
    local upper = call('ZRANGE', leaf, LEAF_HALF, '-1')
    call('ZREMRANGEBYRANK', leaf, LEAF_HALF, '-1')
    call('ZADD', tree, '0', upper[1])
    leaf_add(tree .. ':' .. upper[1], upper, 1, #upper)
end

-- A leaf that has become small goes into the one before it: else peers that come and go would leave more leaves than members.
local function leaf_join(tree, bound)
    local leaf = tree .. ':' .. bound
    local left = call('ZCARD', leaf)
    if left > LEAF_FEW then return end
    if left == 0 then
        call('ZREM', tree, bound)
        return
    end
    local before = call('ZREVRANGEBYLEX', tree, '(' .. bound, '-', 'LIMIT', '0', '1')[1]
    if not before or call('ZCARD', tree .. ':' .. before) + left > LEAF_JOINED then return end
    local members = call('ZRANGE', leaf, '0', '-1')
    call('DEL', leaf)
    call('ZREM', tree, bound)
    leaf_add(tree .. ':' .. before, members, 1, #members)
end

-- The members by the bounds of their leaves: {bound, ...} and {[bound] = {member, ...}}. Those before all bounds are by `lowest`; nil leaves them out.
local function by_leaf(tree, members, lowest)
    local bounds, groups = {}, {}
    table.sort(members)    -- in whatever order: neighbours then find most of their way to the leaf in the processor's cache
    for i = 1, #members do
        local bound = leaf_of(tree, members[i]) or lowest
        if bound and not groups[bound] then
            bounds[#bounds + 1], groups[bound] = bound, {}
        end
        if bound then groups[bound][#groups[bound] + 1] = members[i] end
    end
    return bounds, groups
end

-- What comes into the trees and what leaves them waits here for trees_change(): members of one leaf then cost one command together. A tree's name => its members.
local coming, going = {}, {}

local function wait(where, tree, member)
    local members = where[tree]
    if not members then
        members = {}
        where[tree] = members
    end
    members[#members + 1] = member
end

local function tree_add(tree, member)
    wait(coming, tree, member)
end

local function tree_remove(tree, member)
    wait(going, tree, member)
end

-- Adds members to one leaf, which is split when it is full. How many found room; who is behind a split must be looked for again.
local function leaf_fill(tree, bound, members)
    local leaf = tree .. ':' .. bound
    local count, done = call('ZCARD', leaf), 0
    while done < #members and count < LEAF_FULL do
        local last = math.min(#members, done + LEAF_FULL - count)
        count = count + leaf_add(leaf, members, done + 1, last)
        done = last
    end
    if count == LEAF_FULL then leaf_split(tree, leaf) end
    return done
end

local function add_members(tree, members)
    while #members > 0 do
        local again = {}
        local bounds, groups = by_leaf(tree, members, '')
        for i = 1, #bounds do
            local group = groups[bounds[i]]
            if bounds[i] == '' then call('ZADD', tree, '0', '') end
            for k = leaf_fill(tree, bounds[i], group) + 1, #group do again[#again + 1] = group[k] end
        end
        members = again
    end
end

-- Does what waits: first all that goes, so that what takes its place is there afterwards.
local function trees_change()
    for tree, members in pairs(going) do
        local bounds, groups = by_leaf(tree, members, nil)
        for i = 1, #bounds do
            call('ZREM', tree .. ':' .. bounds[i], unpack(groups[bounds[i]]))
            leaf_join(tree, bounds[i])
        end
    end
    for tree, members in pairs(coming) do add_members(tree, members) end
    coming, going = {}, {}
end

-- Calls each(members) in order for what lies between low and high ("[…" with it, "(…" without, high also "+"), a leaf's at a time, until that returns true.
local function tree_walk(tree, low, high, each)
    local bound = leaf_of(tree, string.sub(low, 2)) or call('ZRANGE', tree, '0', '0')[1]
    while bound do
        local members = call('ZRANGEBYLEX', tree .. ':' .. bound, low, high)
        if #members > 0 and each(members) then return end
        bound = call('ZRANGEBYLEX', tree, '(' .. bound, high, 'LIMIT', '0', '1')[1]
    end
end

-- Calls each(members) for what begins with `from`, whose members are `from` and at most `after`, as above. Most often that is in one leaf.
local function tree_find(tree, from, after, each)
    local high = '[' .. from .. after
    local bound = leaf_of(tree, from .. after)
    if bound and string.sub(bound, 1, #from) == from then return tree_walk(tree, '[' .. from, high, each) end
    if not bound then return end
    local members = call('ZRANGEBYLEX', tree .. ':' .. bound, '[' .. from, high)
    if #members > 0 then each(members) end
end

-- How many members lie there, at a guess when they are in several leaves.
local function tree_count(tree, low, high)
    local bounds = call('ZLEXCOUNT', tree, low, high)
    local first = leaf_of(tree, string.sub(low, 2))
    local in_first = first and call('ZLEXCOUNT', tree .. ':' .. first, low, high) or 0
    return in_first + bounds * LEAF_JOINED
end
