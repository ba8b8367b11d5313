-- Takes over entries whose consumers have been silent about them.
--
-- KEYS 1 inbox  2 retry  3 counters
-- ARGV 1 options: group, consumerId (takes them), silence (least silence in ms), count (at most so many), everyone (true to
--        check the entries of every consumer, false for those of consumers that send nothing at all),
--        from (go on with the consumer consumerId, after the id after)
-- Returns { consumer and id to go on with ('' each after the last), deleted, id, attempts, id, attempts, ... }.
--
-- Atomic, so that an entry has one taker. It does not count as an attempt yet (see begin). The caller reads the messages
-- itself, one by one: a script copies a message four times, while Redis does nothing else. Entries that wait for a retry
-- stay where they are until they are due. Entries that are gone from the inbox while pending were deleted by another
-- client: they are acknowledged and counted as lost.
--
-- Not by XAUTOCLAIM, which looks up each pending entry in the inbox, whether it is idle or not
-- (https://redis.io/docs/latest/commands/xautoclaim/).
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'zset', KEYS[3], 'hash')
if wrong then return wrong end

local inbox, group, silence, most = KEYS[1], options.group, tonumber(options.silence), tonumber(options.count)
local begin = options.from or { consumerId = '', after = '' }
local PAGE = 100
-- What one call may cost, because Redis has other work: one for each entry that it walks over, ten for each
-- that it checks.
local budget = 10000

-- The consumers whose pending entries are to be checked, in the order of Redis, and the index of the first.
local function holders()
  local all, first = {}, 1
  for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', inbox, group)) do
    local info = by_name(flat)
    if info.name == begin.consumerId then first = #all + 1 end
    if info.pending > 0 and (options.everyone or info.idle >= silence) then all[#all + 1] = info end
  end
  return all, first
end

local reply, found, attempts_of, lost = { '', '', 0 }, {}, {}, 0
local taken = 0

-- An entry that waits for a retry is claimed too, or every call would find it again; but it is not given out.
local function take(id, attempts)
  found[#found + 1] = id
  if redis.call('ZSCORE', KEYS[2], id) then return end
  taken = taken + 1
  attempts_of[id] = attempts
end

-- Takes entries of one consumer after an id. Returns the id after which to go on with it, or nil if there are no more.
local function take_from(name, after)
  repeat
    local start = after == '' and '-' or '(' .. after
    local page = redis.call('XPENDING', inbox, group, 'IDLE', silence, start, '+', PAGE, name)
    for _, entry in ipairs(page) do
      if taken >= most then return after end
      after = entry[1]
      take(after, entry[4])
    end
    budget = budget - 10 * #page
    if #page == PAGE and budget <= 0 then return after end
  until #page < PAGE
end

local all, first = holders()
for n = first, #all do
  local name = all[n].name
  budget = budget - all[n].pending
  local after = take_from(name, name == begin.consumerId and begin.after or '')
  local following = all[n + 1]
  if after or (following and (taken >= most or budget <= 0)) then
    reply[1], reply[2] = after and name or following.name, after or ''
    break
  end
end

local claimed = claim(inbox, group, options.consumerId, found)
for _, id in ipairs(found) do
  if not claimed[id] then
    redis.call('ZREM', KEYS[2], id)
    lost = lost + 1
  elseif attempts_of[id] then
    reply[#reply + 1] = id
    reply[#reply + 1] = attempts_of[id]
  end
end
if lost > 0 then count(KEYS[3], 'lost', lost) end
reply[3] = lost
return reply
