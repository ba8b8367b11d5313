-- Reads on in a stream and writes its messages to the inbox, or to the packs, in the same order. The stream keeps its entries.
--
-- USES append pack-counts keyed hold pulling
-- KEYS 1 source  2 inbox  3 counters  4 bridge  5 packs  6 busy  7 held  8 gaps
-- ARGV 1 options: most (messages; 0 to ask for the position), mostBytes (of messages, about), mostBacklog (nothing is read while so
--        many messages are not settled), caller (for a gap), packSize, largestPack, keys and page (see pulling), mostAhead (see
--        append)
-- Returns { messages, 1 if more may be there, 2 if the backlog is full or 3 if the page is not the one that the caller read: then
-- nothing is written, position, start of a gap in ms since 1970, entries that were trimmed in it }; without a gap its first three.
--
-- Atomic, because the position and the inbox must move together: so it may be sent twice, and a Redis that comes back with an
-- older state has both of them older. If Redis refuses anything, all is undone.
--
-- In the bridge hash, for each stream that the group ever read: `read:NAME` is the position, the id of the last entry read;
-- `passed:NAME` says how many entries the stream ever had up to there (Redis 7.0 counts them), so that it is known how many were
-- removed before they were read. `pulled_at` tells when the group was alive (see prepare), `last` the id of the last message.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream', KEYS[3], 'hash', KEYS[4], 'hash', KEYS[5], 'stream',
  KEYS[6], 'hash', KEYS[7], 'zset', KEYS[8], 'stream')
if wrong then return wrong end

local most, most_bytes = tonumber(options.most), tonumber(options.mostBytes)
local position_field, passed_field = 'read:' .. KEYS[1], 'passed:' .. KEYS[1]
local state = redis.call('HMGET', KEYS[4], position_field, passed_field)
local position, passed = state[1] or '0-0', integer_of(state[2])
if not string.find(position, '^%d+%-%d+$') then
  return redis.error_reply('POSITION the field ' .. position_field .. ' of ' .. KEYS[4] ..
    ' is no id of an entry: another program wrote it. Set it to the id of the last entry that was processed, or to 0-0')
end

local backlog = redis.call('XLEN', KEYS[2]) + redis.call('ZCARD', KEYS[7])
if redis.call('XLEN', KEYS[5]) > 0 then
  backlog = backlog + (integer_of(redis.call('HGET', KEYS[3], 'packed')) or 0)
end
if backlog >= tonumber(options.mostBacklog) then
  redis.call('HSET', KEYS[4], 'pulled_at', now_ms())
  return { 0, 2, position }
end

if most == 0 then
  redis.call('HSET', KEYS[4], 'pulled_at', now_ms())
  return { 0, 0, position }
end

-- How many entries the stream has lost, and how many it ever had; nil if Redis does not count them.
local function removed_ever()
  local info = by_name(redis.call('XINFO', 'STREAM', KEYS[1]))
  local added = info['entries-added']
  return added and added - info.length, added
end

-- The message of an entry: its field `message`, or else all its fields as a JSON object.
local function message_in(fields)
  local parts = {}
  for i = 1, #fields, 2 do
    if fields[i] == 'message' then return fields[i + 1] end
    parts[#parts + 1] = cjson.encode(fields[i]) .. ':' .. cjson.encode(fields[i + 1])
  end
  return '{' .. table.concat(parts, ',') .. '}'
end

-- The first page begins with the entry at the position: while that is there, nothing after it was trimmed.
local page = redis.call('XRANGE', KEYS[1], position, '+', 'COUNT', 2)
local gap
if #page > 0 and page[1][1] == position then
  table.remove(page, 1)
elseif #page > 0 then
  local removed, added = removed_ever()
  local trimmed = removed and passed and removed - passed
  if position ~= '0-0' and (not trimmed or trimmed > 0) then gap = { dropped = trimmed or 0 } end
  -- Of those that were read, some may be there still, unless the stream was made anew.
  passed = removed and (passed and passed <= added and math.max(removed, passed) or removed)
end

local messages, bytes, size, is_over, read_to = {}, 0, 2, #page == 0, position
while not is_over do
  for _, entry in ipairs(page) do
    if #messages == most or bytes >= most_bytes then break end
    local message = message_in(entry[2])
    messages[#messages + 1], read_to = message, entry[1]
    note(entry[1])
    -- Counted as the caller with order key does.
    for _, text in ipairs(entry[2]) do
      note(text)
      bytes = bytes + #text
    end
  end
  if #messages == most or bytes >= most_bytes then break end
  page = redis.call('XRANGE', KEYS[1], '(' .. read_to, '+', 'COUNT', size)
  is_over = #page == 0
  size = math.min(2 * size, LONGEST_PAGE)
end

if not is_same_page() then return { 0, 3, position } end
if #messages == 0 then
  redis.call('HSET', KEYS[4], 'pulled_at', now_ms())
  return { 0, 0, position }
end
local fields = { position_field, read_to, passed_field, passed and passed + #messages or '' }
local refusal = write_all(messages, fields)
if refusal then return refusal end
local more = is_over and 0 or 1
if not gap then return { #messages, more, read_to } end
-- Since the last entry that was read; its id may be no time.
local since = math.min(integer_of(string.match(position, '^%d+')) or now, now)
-- The gap counts even if its stream refuses it.
redis.pcall('XADD', KEYS[8], 'MAXLEN', '~', 1000, '*', 'from', string.format('%.0f', since), 'to', now,
  'reason', 'the stream was trimmed before it was read', 'dropped', gap.dropped, 'bridge', options.caller)
count(KEYS[3], 'gaps', 1)
if gap.dropped > 0 then count(KEYS[3], 'dropped', gap.dropped) end
return { #messages, more, read_to, since, gap.dropped }
