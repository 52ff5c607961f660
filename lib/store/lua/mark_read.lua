-- KEYS  1 rb:mark. Answers {incarnation, holder, process, run_id, courses, age in ms}, "" or 0 for what is not there.
local mark = redis.call('HMGET', KEYS[1], 'incarnation', 'holder', 'process', 'run_id', 'courses', 'begun_at')
local now = redis.call('TIME')
local age = mark[6] and math.max(now[1] * 1000 + math.floor(now[2] / 1000) - mark[6], 0) or 0
return { mark[1] or '', mark[2] or '', mark[3] or '', mark[4] or '', mark[5] or '0', string.format('%.0f', age) }
