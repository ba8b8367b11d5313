-- Takes over entries of consumers that have been silent.
--
-- KEYS 1 inbox  2 retry  3 counters
-- ARGV 1 group  2 consumer that takes them  3 least silence in ms  4 cursor  5 at most so many
-- Returns { next cursor, deleted, id, message, attempts, id, message, attempts, ... }.
--
-- Atomic, so that an entry is read by the one who took it. It does not count as an attempt yet (see
-- begin). Entries waiting for a retry are left to the clock. Those that are gone from the inbox while pending
-- were deleted by somebody else: they are acknowledged and counted as lost.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'zset', KEYS[3], 'hash')
if wrong then return wrong end

local claimed = redis.call('XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], 'COUNT', ARGV[5], 'JUSTID')
-- Since Redis 7.0 the entries found deleted are listed apart, and are already out of the pending list.
local reply, lost = { claimed[1], 0 }, claimed[3] and #claimed[3] or 0
if lost > 0 then call_with_ids(claimed[3], 'ZREM', KEYS[2]) end
for _, id in ipairs(claimed[2]) do
  local message = message_of(KEYS[1], id)
  if not message then
    redis.call('XACK', KEYS[1], ARGV[1], id)
    redis.call('ZREM', KEYS[2], id)
    lost = lost + 1
  elseif not redis.call('ZSCORE', KEYS[2], id) then
    reply[#reply + 1] = id
    reply[#reply + 1] = message
    reply[#reply + 1] = pending_entry(KEYS[1], ARGV[1], id)[4]
  end
end
if lost > 0 then redis.call('HINCRBY', KEYS[3], 'lost', lost) end
reply[2] = lost
return reply
