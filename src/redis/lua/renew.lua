-- Says that entries are still in work, so that nobody takes them for abandoned.
--
-- KEYS 1 inbox
-- ARGV 1 group  2... two per entry: inbox id, consumer id
-- Returns the ids that the consumer no longer holds.
--
-- Atomic, so that a consumer which slept renews only what is still its own, and takes nothing back from
-- whoever took over.
local wrong = wrong_type(KEYS[1], 'stream')
if wrong then return wrong end

local lost = {}
for i = 2, #ARGV, 2 do
  local id, consumer = ARGV[i], ARGV[i + 1]
  if pending_entry(KEYS[1], ARGV[1], id, consumer) then
    redis.call('XCLAIM', KEYS[1], ARGV[1], consumer, 0, id, 'JUSTID')
  else
    lost[#lost + 1] = id
  end
end
return lost
