-- Says that entries are still in work, so that nobody takes them for abandoned.
--
-- KEYS 1 inbox  2 counters
-- ARGV 1 group  2... two per entry: inbox id, consumer id
-- Returns { entries deleted, id, ... }: how many were deleted from the inbox by somebody else while they were
-- pending, and the ids that the consumer no longer holds, those included.
--
-- Atomic, so that a consumer which slept renews only what is still its own, and takes nothing back from
-- whoever took over. Since Redis 7.0 XCLAIM drops a deleted entry from the pending list, so it is counted here.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'hash')
if wrong then return wrong end

local reply, deleted = { 0 }, 0
for i = 2, #ARGV, 2 do
  local id, consumer = ARGV[i], ARGV[i + 1]
  if not pending_entry(KEYS[1], ARGV[1], id, consumer) then
    reply[#reply + 1] = id
  elseif not message_of(KEYS[1], id) then
    redis.call('XACK', KEYS[1], ARGV[1], id)
    deleted = deleted + 1
    reply[#reply + 1] = id
  else
    redis.call('XCLAIM', KEYS[1], ARGV[1], consumer, 0, id, 'JUSTID')
  end
end
if deleted > 0 then redis.call('HINCRBY', KEYS[2], 'lost', deleted) end
reply[1] = deleted
return reply
