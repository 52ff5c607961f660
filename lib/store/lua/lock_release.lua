-- Deletes a lock that still holds the caller's token.
-- KEYS: the lock. ARGV: token. Answers 1, or 0 when it is somebody else's or gone.
if redis.call('GET', KEYS[1]) == ARGV[1] then
    return redis.call('DEL', KEYS[1])
end
return 0
