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
local PAGE = 100
-- What one call may cost, for Redis has other work to do in between: one for each entry that it walks over, ten for each
-- that it looks at.
local budget = 10000

-- The consumers whose pending entries are to be looked at, in the order in which Redis names them, and the first of them.
local function holders()
  local all, first = {}, 1
  for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', inbox, group)) do
    local fact = {}
    for i = 1, #flat, 2 do
      fact[flat[i]] = flat[i + 1]
    end
    if fact.name == ARGV[6] then first = #all + 1 end
    if fact.pending > 0 and (ARGV[5] == '1' or fact.idle >= silence) then all[#all + 1] = fact end
  end
  return all, first
end

local reply, claim, taken, lost = { '', '', 0 }, { 'XCLAIM', inbox, group, ARGV[2], 0 }, 0, 0

-- What waits for a retry is claimed too, or every look would find it again; but it is not given out.
local function take(id, attempts)
  local message = message_of(inbox, id)
  if not message then
    redis.call('XACK', inbox, group, id)
    redis.call('ZREM', KEYS[2], id)
    lost = lost + 1
    return
  end
  claim[#claim + 1] = id
  if redis.call('ZSCORE', KEYS[2], id) then return end
  taken = taken + 1
  reply[#reply + 1] = id
  reply[#reply + 1] = message
  reply[#reply + 1] = attempts
end

-- Looks at what one consumer holds after an id. Returns the id after which to go on with it, or nil where there is no more.
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
  local after = take_from(name, name == ARGV[6] and ARGV[7] or '')
  local following = all[n + 1]
  if after or (following and (taken >= most or budget <= 0)) then
    reply[1], reply[2] = after and name or following.name, after or ''
    break
  end
end

if #claim > 5 then
  claim[#claim + 1] = 'JUSTID'
  redis.call(unpack(claim))
end
if lost > 0 then redis.call('HINCRBY', KEYS[3], 'lost', lost) end
reply[3] = lost
return reply
