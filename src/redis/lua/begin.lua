-- Records that an attempt begins on an entry that was reclaimed or is tried again.
--
-- KEYS 1 inbox
-- ARGV 1 options: group, entryId, consumerId, attempt (its number)
-- Returns 1, or 0 if the consumer no longer holds the entry: it must not try it.
--
-- Atomic, so that an attempt is counted only for the consumer that holds the entry. The count is the delivery counter
-- of Redis, so a message that kills its process again and again is counted each time. Only one command writes.
local wrong = wrong_type(KEYS[1], 'stream')
if wrong then return wrong end

local id, consumer = options.entryId, options.consumerId
if not pending_entry(KEYS[1], options.group, id, consumer) then return 0 end
redis.call('XCLAIM', KEYS[1], options.group, consumer, 0, id, 'RETRYCOUNT', options.attempt, 'JUSTID')
return 1
