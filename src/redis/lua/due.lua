-- Gives a consumer the entries whose next attempt is due: failed ones after their wait, handed-back ones at once.
--
-- KEYS 1 inbox  2 retry  3 counters
-- ARGV 1 options: group, consumerId, count (at most so many), longestWait (longest possible wait, ms), returnedBelow
--        (scores below this are numbers of attempts)
-- Returns { id, message, attempts, ... }.
--
-- Atomic, so that an entry is due for one consumer only. A due time farther away than the longest wait was set before
-- the clock of Redis was put back: it counts as due. An entry that is gone from the inbox was deleted by another client,
-- and counts as lost: here if it was handed back, else in reclaim, which finds it pending.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'zset', KEYS[3], 'hash')
if wrong then return wrong end

local group, now, count = options.group, now_ms(), options.count
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'WITHSCORES', 'LIMIT', 0, count)
if #due == 0 then
  local latest = now + options.longestWait
  due = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. latest, '+inf', 'WITHSCORES', 'LIMIT', 0, count)
end

local reply, again, lost = {}, 0, 0
for i = 1, #due, 2 do
  local id, score = due[i], tonumber(due[i + 1])
  local message = message_of(KEYS[1], id)
  if message then
    local attempts = score
    if score >= tonumber(options.returnedBelow) then
      local entry = pending_entry(KEYS[1], group, id)
      attempts = entry and entry[4] or 1
      again = again + 1
    end
    -- FORCE: a handed-back entry is no longer in the pending list.
    redis.call('XCLAIM', KEYS[1], group, options.consumerId, 0, id, 'RETRYCOUNT', attempts, 'FORCE', 'JUSTID')
    reply[#reply + 1] = id
    reply[#reply + 1] = message
    reply[#reply + 1] = attempts
  elseif not pending_entry(KEYS[1], group, id) then
    lost = lost + 1
  end
  redis.call('ZREM', KEYS[2], id)
end
if again > 0 then redis.call('HINCRBY', KEYS[3], 'retried', again) end
if lost > 0 then redis.call('HINCRBY', KEYS[3], 'lost', lost) end
return reply
