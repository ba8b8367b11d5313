-- Unpacks the packs that wait to be read, the oldest first: processes of an older version read no packs.
--
-- USES pack-counts packs keyed runs
-- KEYS 1 packs  2 inbox  3 counters  4 bridge  5 busy  6 held
-- ARGV 1 options: group, keepRuns (true: packs of messages of one key stay)
-- Returns { messages that went to the inbox, 1 if there may be more, else 0 }.
--
-- Atomic, so that a pack is not read while it is unpacked. One call takes about 1,000 messages, or about 1 MB. If Redis refuses
-- a command, the packs before it are done, and the others stay as they are.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream', KEYS[3], 'hash', KEYS[4], 'hash', KEYS[5], 'hash',
  KEYS[6], 'zset')
if wrong then return wrong end
name_keys(KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6])

local MOST, MOST_BYTES = 1000, 1000000
local group = group_info(KEYS[1], options.group)
if not group then return { 0, 0 } end

local sum, foreign, bytes = 0, 0, 0
local function is_full()
  return sum + foreign >= MOST or bytes >= MOST_BYTES
end

local is_done, raised = pcall(function()
  try_removal()
  try_freeing()
  while not is_full() do
    local waiting = redis.call('XRANGE', KEYS[1], '(' .. group['last-delivered-id'], '+', 'COUNT', 1)[1]
    if not waiting then return end
    -- Packs of a time without order are older than all of these.
    if options.keepRuns and #waiting[2] == 4 then return end
    local given, _, size = explode(waiting[1], 0)
    sum, foreign, bytes = sum + given, foreign + (given == 0 and 1 or 0), bytes + size
  end
end)
if not is_done then return refusal_of(raised) end
return { sum, is_full() and 1 or 0 }
