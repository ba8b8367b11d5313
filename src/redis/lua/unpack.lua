-- Unpacks the packs that wait to be read, the oldest first: processes of an older version read no packs.
--
-- USES pack-counts packs
-- KEYS 1 packs  2 inbox  3 counters
-- ARGV 1 options: group
-- Returns { messages that went to the inbox, 1 if there may be more, else 0 }.
--
-- Atomic, so that a pack is not read while it is unpacked. One call takes about 1,000 messages, or about 1 MB. If Redis refuses
-- a command, the packs before it are done, and the others stay as they are.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream', KEYS[3], 'hash')
if wrong then return wrong end

local MOST, MOST_BYTES = 1000, 1000000
local group = group_info(KEYS[1], options.group)
if not group then return { 0, 0 } end

local sum, foreign, bytes = 0, 0, 0
local function is_full()
  return sum + foreign >= MOST or bytes >= MOST_BYTES
end

local is_done, raised = pcall(function()
  try_removal()
  while not is_full() do
    local waiting = redis.call('XRANGE', KEYS[1], '(' .. group['last-delivered-id'], '+', 'COUNT', 1)[1]
    if not waiting then return end
    local given, _, size = explode(waiting[1], 0)
    sum, foreign, bytes = sum + given, foreign + (given == 0 and 1 or 0), bytes + size
  end
end)
if not is_done then return refusal_of(raised) end
return { sum, is_full() and 1 or 0 }
