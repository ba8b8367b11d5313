-- Finds strays: entries that were delivered, and are pending with no consumer. Hands them back, due at once.
--
-- KEYS 1 inbox  2 retry  3 counters
-- ARGV 1 options: group, returnedBelow (scores in the retry zset below this are numbers of attempts), from (where to go on,
--        '-' for the beginning)
-- Returns { how many were found, where to go on ('' at the end) }.
--
-- Another program makes strays: by XACK, XGROUP DELCONSUMER, XGROUP SETID, or a read with NOACK. Nothing else would ever
-- process them. How many attempts were made is unknown: they begin at none.
--
-- Atomic, so that an entry is not delivered, pending, handed back or settled by the time it is handed back. An
-- entry after the last delivered one waits, and is no stray. Looks at entries only if the numbers say that some are
-- missing, at most 1,000 in a call, or about 1 MB of them, because Redis replies with their messages. Redis before
-- 7.0 does not report the lag: then all that waits counts as missing. If Redis refuses a command, the next call goes on.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'zset', KEYS[3], 'hash')
if wrong then return wrong end

local MOST, MOST_BYTES, PAGE, PAGE_BYTES = 1000, 1000000, 100, 100000
local group = group_info(KEYS[1], options.group)
if not group then return { 0, '' } end
local returned = redis.call('ZCOUNT', KEYS[2], '-inf', '(' .. options.returnedBelow)
local waiting = group.lag or 0
-- XGROUP SETID can set the lag to any number: without an entry after the last delivered one, none waits.
if waiting > 0 and not redis.call('XRANGE', KEYS[1], '(' .. group['last-delivered-id'], '+', 'COUNT', 1)[1] then waiting = 0 end
if redis.call('XLEN', KEYS[1]) <= group.pending + returned + waiting then return { 0, '' } end
-- The consumers take these first.
if returned >= MOST then return { 0, options.from } end

local function is_stray(id)
  return not pending_entry(KEYS[1], options.group, id) and not redis.call('ZSCORE', KEYS[2], id)
end

local from, found, seen, bytes, size = options.from, 0, 0, 0, 1
repeat
  local page = redis.call('XRANGE', KEYS[1], from, group['last-delivered-id'], 'COUNT', size)
  local is_end, held = #page < size, {}
  if #page > 0 then
    for _, pending in ipairs(redis.call('XPENDING', KEYS[1], options.group, page[1][1], page[#page][1], #page)) do
      held[pending[1]] = true
    end
    for _, entry in ipairs(page) do
      -- Pending entries that are gone from the inbox may have taken the place of others in the reply: so it is asked again.
      if not held[entry[1]] and is_stray(entry[1]) then
        redis.call('ZADD', KEYS[2], 0, entry[1])
        found = found + 1
      end
      for _, text in ipairs(entry[2]) do
        bytes = bytes + #text
      end
    end
    seen, from = seen + #page, '(' .. page[#page][1]
    size = math.max(1, math.min(PAGE, math.floor(PAGE_BYTES * seen / bytes)))
  end
  if is_end then from = '' end
until is_end or seen >= MOST or bytes >= MOST_BYTES
if found > 0 then count(KEYS[3], 'strays', found) end
return { found, from }
