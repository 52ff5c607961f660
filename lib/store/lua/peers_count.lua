-- How many members of the trees of names and words begin with each of some words, at a guess: the rarest leads a search. After peers_tree.lua.
-- ARGV: the words. Answers a number for each.
local counts = {}
for i, word in ipairs(ARGV) do
    local low, high = '[' .. word, '[' .. word .. '\255'
    counts[i] = tree_count('rb:p2:n', low, high) + tree_count('rb:p2:w', low, high)
end
return counts
