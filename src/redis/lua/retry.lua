-- Puts entries whose attempt failed into the retry zset, until they are due. They stay pending with their consumer.
--
-- KEYS 1 inbox  2 retry  3 counters
-- ARGV 1 options: group, retries (list of entryId, consumerId, wait in ms)
-- Returns how many were put there.
--
-- Atomic, so that only an entry that the consumer still holds is scheduled: another consumer tries an entry that was
-- taken from it. Sent twice, the second finds the entry scheduled and counts nothing. If Redis refuses a command, those before
-- it are scheduled but not counted as failed attempts, and the others stay pending: the caller sends all again.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'zset', KEYS[3], 'hash')
if wrong then return wrong end

local now, scheduled = now_ms(), 0
for _, failed in ipairs(options.retries) do
  if pending_entry(KEYS[1], options.group, failed.entryId, failed.consumerId) then
    scheduled = scheduled + redis.call('ZADD', KEYS[2], 'NX', now + failed.wait, failed.entryId)
  end
end
if scheduled > 0 then count(KEYS[3], 'failed', scheduled) end
return scheduled
