-- Gives a consumer the entries whose next attempt is due: failed ones after their wait, handed-back ones at once.
--
-- KEYS 1 inbox  2 retry  3 counters
-- ARGV 1 options: group, consumerId, count (at most so many), longestWait (longest possible wait, ms), returnedBelow
--        (scores below this are numbers of attempts)
-- Returns { 1 if more may be due, else 0, foreign members removed, id, attempts, 1 if the last one failed and 0 if it was handed
--           back, id, ... }.
--
-- Atomic, so that an entry is due for one consumer only. The caller reads the messages itself, as after reclaim. A due
-- time farther away than the longest wait was set before the clock of Redis was put back: it counts as due. An entry that
-- is gone from the inbox was deleted by another client, and counts as lost. A member that is no id of an entry can never
-- be due, and many would fill every page: it is removed and counted as foreign.
--
-- An entry is claimed before it leaves the retry zset. If Redis refuses the claim, the entry stays due; if it refuses the
-- rest, the entry is pending, and reclaim finds it.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'zset', KEYS[3], 'hash')
if wrong then return wrong end

local inbox, retry, group = KEYS[1], KEYS[2], options.group
local now, most = now_ms(), tonumber(options.count)
local due = redis.call('ZRANGEBYSCORE', retry, '-inf', now, 'WITHSCORES', 'LIMIT', 0, most)
if #due == 0 then
  local latest = now + options.longestWait
  due = redis.call('ZRANGEBYSCORE', retry, '(' .. latest, '+inf', 'WITHSCORES', 'LIMIT', 0, most)
end

-- Whether Redis writes the id of an entry like this: two numbers of 64 bits, without leading zeros.
local function is_id(text)
  local ms, seq = string.match(text, '^(%d+)-(%d+)$')
  for _, part in ipairs({ ms or '', seq or '' }) do
    if part == '' or #part > 20 or (#part > 1 and string.sub(part, 1, 1) == '0') then return false end
    if #part == 20 and part > '18446744073709551615' then return false end
  end
  return true
end

local reply, again, lost, foreign = { 0, 0 }, 0, 0, 0

local function give(id, score)
  local attempts = score
  -- A score that is neither a time nor a number of attempts was written by another program.
  local is_retry = score >= tonumber(options.returnedBelow) or score < 0 or score % 1 ~= 0
  if is_retry then
    local entry = pending_entry(inbox, group, id)
    attempts = entry and entry[4] or 1
  end
  -- FORCE: a handed-back entry is no longer in the pending list.
  if not claim(inbox, group, options.consumerId, { id }, 'RETRYCOUNT', attempts, 'FORCE')[id] then
    lost = lost + 1
    return
  end
  if is_retry then again = again + 1 end
  reply[#reply + 1] = id
  reply[#reply + 1] = attempts
  reply[#reply + 1] = is_retry and 1 or 0
end

local members = {}
for i = 1, #due, 2 do
  if is_id(due[i]) then give(due[i], tonumber(due[i + 1])) else foreign = foreign + 1 end
  members[#members + 1] = due[i]
end
call_with_ids(members, 'ZREM', retry)
for field, more in pairs({ retried = again, lost = lost, foreignRetries = foreign }) do
  if more > 0 then count(KEYS[3], field, more) end
end
reply[1] = #members == most and 1 or 0
reply[2] = foreign
return reply
