-- Notes that an attempt begins on entries that were taken over or are tried again.
--
-- KEYS 1 inbox
-- ARGV 1 group  2... three per entry: inbox id, consumer id, number of the attempt
-- Returns the ids that the consumer still holds; the others are not its to try.
--
-- Atomic, so that an attempt is counted for whoever holds the entry. The count is kept as Redis's own
-- delivery counter. A message that kills its process is thus counted, and what lay beside it unbegun is not.
local wrong = wrong_type(KEYS[1], 'stream')
if wrong then return wrong end

local begun = {}
for i = 2, #ARGV, 3 do
  local id, consumer = ARGV[i], ARGV[i + 1]
  if pending_entry(KEYS[1], ARGV[1], id, consumer) then
    redis.call('XCLAIM', KEYS[1], ARGV[1], consumer, 0, id, 'RETRYCOUNT', ARGV[i + 2], 'JUSTID')
    begun[#begun + 1] = id
  end
end
return begun
