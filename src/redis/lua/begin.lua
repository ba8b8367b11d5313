-- Notes that an attempt begins on an entry that was taken over or is tried again.
--
-- KEYS 1 inbox
-- ARGV 1 group  2 inbox id  3 consumer id  4 number of the attempt
-- Returns 1, or 0 where the consumer no longer holds the entry: it is not its to try.
--
-- Atomic, so that an attempt is counted for whoever holds the entry. The count is kept as Redis's own
-- delivery counter. A message that kills its process again and again is thus counted each time.
local wrong = wrong_type(KEYS[1], 'stream')
if wrong then return wrong end

if not pending_entry(KEYS[1], ARGV[1], ARGV[2], ARGV[3]) then return 0 end
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[3], 0, ARGV[2], 'RETRYCOUNT', ARGV[4], 'JUSTID')
return 1
