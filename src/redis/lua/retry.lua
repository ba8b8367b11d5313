-- Puts failed attempts into the retry zset, until they are due. They stay pending with their consumer.
--
-- KEYS 1 inbox  2 retry  3 counters
-- ARGV 1 group  2... three per entry: inbox id, consumer id, wait in ms
-- Returns how many were put there.
--
-- Atomic, so that only an entry which the consumer still holds is scheduled: one that was taken from it is
-- being tried elsewhere. Sent twice, the second finds the entry scheduled and counts nothing.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'zset', KEYS[3], 'hash')
if wrong then return wrong end

local now, scheduled = now_ms(), 0
for i = 2, #ARGV, 3 do
  if pending_entry(KEYS[1], ARGV[1], ARGV[i], ARGV[i + 1]) then
    scheduled = scheduled + redis.call('ZADD', KEYS[2], 'NX', now + ARGV[i + 2], ARGV[i])
  end
end
if scheduled > 0 then redis.call('HINCRBY', KEYS[3], 'failed', scheduled) end
return scheduled
