-- A consumer leaves the group: hands back the entries that it holds and removes itself.
--
-- KEYS 1 inbox  2 retry  3 processed
-- ARGV 1 options: group, consumerId, attempts (attempts made, by inbox id, on the entries that it knows)
-- Returns how many entries were handed back.
--
-- Atomic, so that no entry becomes pending with the consumer between the check and its removal: XGROUP DELCONSUMER would
-- drop that entry. A handed-back entry is no longer pending, and due at once for the first consumer that asks.
-- Failed entries keep their wait and stay pending with the consumer, which then stays in the Redis
-- group until they are taken (see sweep).
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'zset', KEYS[3], 'hash')
if wrong then return wrong end

local group, consumer, attempts = options.group, options.consumerId, options.attempts
local back, kept, from = 0, 0, '-'
repeat
  local page = redis.call('XPENDING', KEYS[1], group, from, '+', 500, consumer)
  for _, entry in ipairs(page) do
    local id = entry[1]
    if redis.call('ZSCORE', KEYS[2], id) then
      kept = kept + 1
    else
      -- Unknown to the consumer: delivered in a reply that it never got, so no attempt has begun.
      redis.call('ZADD', KEYS[2], attempts[id] or math.max(0, entry[4] - 1), id)
      redis.call('XACK', KEYS[1], group, id)
      back = back + 1
    end
    from = '(' .. id
  end
until #page == 0

if kept == 0 then
  redis.call('XGROUP', 'DELCONSUMER', KEYS[1], group, consumer)
  redis.call('HDEL', KEYS[3], consumer)
end
return back
