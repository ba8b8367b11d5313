-- Unpacks the packs of silent consumers, and those that no consumer holds: another program acknowledged them, or removed
-- their consumer.
--
-- USES pack-counts packs keyed runs
-- KEYS 1 packs  2 inbox  3 counters  4 bridge  5 busy  6 held
-- ARGV 1 options: group, silence (least silence in ms)
-- Returns { messages that went to the inbox, 1 if there may be more, else 0, messages of packs that another client deleted }.
--
-- Of a run, the first message goes to the inbox, and the others wait behind it (see runs.lua).
--
-- A message of a silent consumer may have been begun: it counts as one attempt. A pack that no consumer holds counts for none,
-- as strays of the inbox do.
--
-- Atomic, so that a pack is not settled while it is unpacked: who removes it decides what becomes of its messages. One call
-- takes about 1,000 messages, or about 1 MB, and at most 20 packs. If Redis refuses a command, the packs before it are done; the next call goes on.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream', KEYS[3], 'hash', KEYS[4], 'hash', KEYS[5], 'hash',
  KEYS[6], 'zset')
if wrong then return wrong end
name_keys(KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6])

local MOST, MOST_MESSAGES, MOST_BYTES, PAGE, MOST_PAGES = 20, 1000, 1000000, 1000, 10
local group = group_info(KEYS[1], options.group)
if not group then return { 0, 0, 0 } end

local sum, lost, packs, bytes, strays = 0, 0, 0, 0, 0

-- Returns how many messages were given back.
local function take(id, attempts)
  local given, gone, size = explode(id, attempts)
  sum, lost, packs, bytes = sum + given, lost + gone, packs + 1, bytes + size
  return given
end

local function is_full()
  return packs >= MOST or sum + lost >= MOST_MESSAGES or bytes >= MOST_BYTES
end

local function take_silent()
  for _, entry in ipairs(redis.call('XPENDING', KEYS[1], options.group, 'IDLE', options.silence, '-', '+', MOST)) do
    if is_full() then return end
    take(entry[1], 1)
  end
end

-- Whether entries that were delivered are pending with no consumer, by their numbers. Redis before 7.0 does not report the lag.
local function may_have_strays()
  local length = redis.call('XLEN', KEYS[1])
  if length == 0 then return false end
  local info = group_info(KEYS[1], options.group)
  local waiting = info.lag or 0
  -- XGROUP SETID can set the lag to any number.
  if waiting > 0 and not redis.call('XRANGE', KEYS[1], '(' .. info['last-delivered-id'], '+', 'COUNT', 1)[1] then waiting = 0 end
  return length > info.pending + waiting
end

-- Takes what lies between two ids: none of it is pending.
local function take_between(from, to)
  while not is_full() do
    local found = redis.call('XRANGE', KEYS[1], from, to, 'COUNT', 1)[1]
    if not found then return end
    strays = strays + take(found[1], 0)
  end
end

-- Looks between each pending entry and the next: Redis replies with none of those that consumers hold.
local function take_strays()
  if not may_have_strays() then return end
  local from, last = '-', group['last-delivered-id']
  for _ = 1, MOST_PAGES do
    local page = redis.call('XPENDING', KEYS[1], options.group, from, '+', PAGE)
    for _, entry in ipairs(page) do
      if is_full() then return end
      take_between(from, '(' .. entry[1])
      from = '(' .. entry[1]
    end
    if #page < PAGE then
      take_between(from, last)
      return
    end
  end
end

local is_done, raised = pcall(function()
  try_removal()
  try_freeing()
  take_silent()
  take_strays()
end)
if strays > 0 then count(KEYS[3], 'strays', strays) end
if not is_done then return refusal_of(raised) end
return { sum, is_full() and 1 or 0, lost }
