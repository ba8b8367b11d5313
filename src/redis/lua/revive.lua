-- Sends dead letters back to the inbox, each as a new entry.
--
-- KEYS 1 dead  2 inbox  3 counters  4 previews
-- ARGV 1 options: ids (of dead letters)
-- Returns the ids that were found and sent back.
--
-- Atomic, so that a dead letter is never in both streams or in none. Sent twice, the second finds nothing to move.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream', KEYS[3], 'hash', KEYS[4], 'stream')
if wrong then return wrong end

local revived = {}
for _, id in ipairs(options.ids) do
  local message = message_of(KEYS[1], id)
  if message then
    redis.call('XADD', KEYS[2], '*', 'message', message)
    redis.call('XDEL', KEYS[1], id)
    redis.pcall('XDEL', KEYS[4], id)
    revived[#revived + 1] = id
  end
end
if #revived > 0 then
  redis.call('HINCRBY', KEYS[3], 'dead', -#revived)
  redis.call('HINCRBY', KEYS[3], 'revived', #revived)
end
return revived
