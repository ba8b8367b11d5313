-- A consumer leaves the group: hands back what it holds and removes itself.
--
-- KEYS 1 inbox  2 retry  3 processed
-- ARGV 1 group  2 consumer  3... two per entry that it knows of: inbox id, attempts made
-- Returns { handed back, still pending with it }.
--
-- Atomic, so that nothing can become pending with a consumer between the look and its removal: XGROUP
-- DELCONSUMER would drop that. What is handed back is no longer pending, and due at once for whoever asks
-- first. Failed entries keep their wait and stay pending with the consumer, which then stays in the Redis
-- group until they are taken (see sweep).
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'zset', KEYS[3], 'hash')
if wrong then return wrong end

local attempts = {}
for i = 3, #ARGV, 2 do
  attempts[ARGV[i]] = ARGV[i + 1]
end

local back, kept, from = 0, 0, '-'
repeat
  local page = redis.call('XPENDING', KEYS[1], ARGV[1], from, '+', 500, ARGV[2])
  for _, entry in ipairs(page) do
    local id = entry[1]
    if redis.call('ZSCORE', KEYS[2], id) then
      kept = kept + 1
    else
      -- Unknown to the consumer: delivered in a reply that it never got, so not begun.
      redis.call('ZADD', KEYS[2], attempts[id] or math.max(0, entry[4] - 1), id)
      redis.call('XACK', KEYS[1], ARGV[1], id)
      back = back + 1
    end
    from = '(' .. id
  end
until #page == 0

if kept == 0 then
  redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
  redis.call('HDEL', KEYS[3], ARGV[2])
end
return { back, kept }
