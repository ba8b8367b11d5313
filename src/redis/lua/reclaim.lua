-- Takes over entries about which their consumers have been silent.
--
-- KEYS 1 inbox  2 retry  3 counters
-- ARGV 1 group  2 consumer that takes them  3 least silence in ms  4 at most so many
--      5 '1' to look at what every consumer holds, '' for that of consumers which say nothing at all
--      6 7 go on with this consumer, after this id, or '' each
-- Returns { consumer and id to go on with ('' each after the last), deleted, id, message, attempts, id, message, ... }.
--
-- Atomic, so that an entry is read by the one who took it. It does not count as an attempt yet (see
-- begin). Entries waiting for a retry are left to the clock. Those that are gone from the inbox while pending
-- were deleted by somebody else: they are acknowledged and counted as lost.
--
-- Not by XAUTOCLAIM, which looks each pending entry up in the inbox, be it idle or not.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'zset', KEYS[3], 'hash')
if wrong then return wrong end

local inbox, group, silence, most = KEYS[1], ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4])
-- Entries that may lie with the consumers that one call looks at: Redis has other work to do in between.
local budget = 10000

-- The consumers whose pending entries are to be looked at, in the order in which Redis names them.
local function holders()
  local all, first = {}, 1
  for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', inbox, group)) do
    local fact = {}
    for i = 1, #flat, 2 do
      fact[flat[i]] = flat[i + 1]
    end
    if fact.pending > 0 and (ARGV[5] == '1' or fact.idle >= silence) then
      all[#all + 1] = fact
      if fact.name == ARGV[6] then first = #all end
    end
  end
  return all, first
end

local reply, taken, lost = { '', '', 0 }, {}, 0

local function take(id, attempts)
  if redis.call('ZSCORE', KEYS[2], id) then return end
  local message = message_of(inbox, id)
  if message then
    taken[#taken + 1] = id
    reply[#reply + 1] = id
    reply[#reply + 1] = message
    reply[#reply + 1] = attempts
  else
    redis.call('XACK', inbox, group, id)
    lost = lost + 1
  end
end

-- Returns the id after which to go on with this consumer, or nil where there is no more.
local function take_from(name, after)
  local start, page = after == '' and '-' or '(' .. after, most - #taken
  local entries = redis.call('XPENDING', inbox, group, 'IDLE', silence, start, '+', page, name)
  for _, entry in ipairs(entries) do
    take(entry[1], entry[4])
  end
  return #entries == page and entries[page][1] or nil
end

local all, first = holders()
for n = first, #all do
  local name = all[n].name
  budget = budget - all[n].pending
  local last = take_from(name, name == ARGV[6] and ARGV[7] or '')
  local next_one = last and name or all[n + 1] and all[n + 1].name
  if next_one and (last or #taken >= most or budget <= 0) then
    reply[1], reply[2] = next_one, last or ''
    break
  end
end

if #taken > 0 then
  local claim = { 'XCLAIM', inbox, group, ARGV[2], 0 }
  for _, id in ipairs(taken) do
    claim[#claim + 1] = id
  end
  claim[#claim + 1] = 'JUSTID'
  redis.call(unpack(claim))
end
if lost > 0 then redis.call('HINCRBY', KEYS[3], 'lost', lost) end
reply[3] = lost
return reply
