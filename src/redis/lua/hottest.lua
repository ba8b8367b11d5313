-- Order by key: how many keys are busy, behind which keys most messages wait, and which key waits too long for one message.
--
-- USES pack-counts backlog
-- KEYS 1 held  2 busy  3 inbox  4 packs
-- ARGV 1 options: group, most (keys in the reply, at most), longest (bytes of a key in the reply, about), late (ms: messages of a
--        key that wait longer for one in work are stuck)
-- Returns { keys that are busy, stuck, hot ... }, the hottest first. stuck is the key that is stuck for longest, {} for none. Each
-- is { key, messages that wait behind it, id of the message in work, consumer that holds it, attempt, ms since the key waits for
-- it, 1 if it is halted, else 0 }. The message of a run is its first one. Consumer and id are '' for none.
--
-- Atomic, so that what is said of a key fits together. It costs the same, whatever waits:
--
-- - The hottest: 100 places of held at equal distances are looked at, so each key is found that has a hundredth of it.
-- - The stuck one is among those keys, or its message is among the 100 oldest pending entries of a stream. While a group is behind,
--   its entries are old before they are read: so an old one counts only if the group has read on since, or has read everything.
--
-- Each part ends after a megabyte, because Redis replies with the messages.
local wrong = wrong_type(KEYS[1], 'zset', KEYS[2], 'hash', KEYS[3], 'stream', KEYS[4], 'stream')
if wrong then return wrong end

local PLACES, MOST_LATE, MOST_BYTES = 100, 100, 1000000
local longest, late, now = tonumber(options.longest), tonumber(options.late), now_ms()
local bytes = 0

-- A key for the reply: a long one is cut between two characters.
local function shown(key)
  if #key <= longest then return key end
  local last = longest
  while last > 0 and string.find(string.sub(key, last + 1, last + 1), '[\128-\191]') do
    last = last - 1
  end
  return string.sub(key, 1, last) .. '…'
end

local function waiting_behind(key)
  return redis.call('ZLEXCOUNT', KEYS[1], '[' .. key .. '\0', '(' .. key .. '\1')
end

local function time_of(id)
  return tonumber(string.match(id, '^%d+'))
end

local function stream_of(id)
  return count_in(id) > 0 and KEYS[4] or KEYS[3]
end

-- An entry; nil if it is gone, or if enough was read.
local function read(id)
  local entry = bytes < MOST_BYTES and redis.call('XRANGE', stream_of(id), id, id)[1]
  if not entry then return nil end
  for _, text in ipairs(entry[2]) do
    bytes = bytes + #text
  end
  return entry
end

-- The id of the first message of a unit.
local function first_in(id)
  if count_in(id) > 0 then return string.sub(id, 1, -4) .. '001' end
  local entry = read(id)
  return entry and identity_of(entry) or id
end

local function about(key, held, unit)
  -- pcall: the group may be gone.
  local pending = redis.pcall('XPENDING', stream_of(unit), options.group, unit, unit, 1)[1] or { '', '', 0, 0 }
  local waited = math.max(0, now - time_of(unit))
  return { shown(key), held, first_in(unit), pending[2], pending[4], waited, 0 }
end

-- The same of a key, by its value in busy: the id of its unit, perhaps with a dot; '!' and a place if it is halted.
local function about_key(key, held)
  local value = redis.call('HGET', KEYS[2], key) or ''
  local unit = string.match(value, '^(%d+%-%d+)%.?$')
  if unit then return about(key, held, unit) end
  local ms, seq = string.match(value, '^!0*(%d+)%-0*(%d+)$')
  local id = ms and ms .. '-' .. seq or ''
  return { shown(key), held, id, '', 0, ms and math.max(0, now - tonumber(ms)) or 0, ms and 1 or 0 }
end

local function hottest_keys()
  local size, found, all, seen = redis.call('ZCARD', KEYS[1]), {}, {}, 0
  for place = 0, math.min(PLACES, size) - 1 do
    local rank = math.floor(place * size / math.min(PLACES, size))
    local member = redis.call('ZRANGE', KEYS[1], rank, rank)[1]
    local key = string.match(member, '^(%Z*)%z')
    if key and not found[key] then
      found[key] = true
      all[#all + 1] = { key, waiting_behind(key) }
    end
    seen = seen + #member
    if seen >= MOST_BYTES then break end
  end
  table.sort(all, function(a, b)
    return a[2] > b[2] or a[2] == b[2] and a[1] < b[1]
  end)
  return all
end

-- Whether the group has gone past an entry of a stream that it holds: it has read messages that came much later, or all.
local function has_gone_past(stream, id)
  local last = (group_info(stream, options.group) or {})['last-delivered-id']
  if not last then return false end
  return time_of(last) - time_of(id) > late or redis.call('XRANGE', stream, '(' .. last, '+', 'COUNT', 1)[1] == nil
end

-- The first key of a stream whose message has been in work for too long: { key, messages behind it, id of its unit }.
local function first_late(stream)
  -- pcall: the group may be gone.
  local pending = redis.pcall('XPENDING', stream, options.group, '-', string.format('%.0f', now - late - 1), MOST_LATE)
  for _, one in ipairs(pending) do
    local entry = read(one[1])
    local key = entry and by_name(entry[2]).key
    local held = key and redis.call('HGET', KEYS[2], key) == one[1] and waiting_behind(key) or 0
    if held > 0 then return { key, held, one[1] } end
  end
end

-- The same of the hottest keys.
local function late_among(hot)
  local found
  for _, one in ipairs(hot) do
    -- Without a dot: something waits behind it.
    local unit = string.match(redis.call('HGET', KEYS[2], one[1]) or '', '^%d+%-%d+$')
    local is_late = unit and now - time_of(unit) > late and (not found or id_after(found[3], unit))
    if is_late and redis.pcall('XPENDING', stream_of(unit), options.group, unit, unit, 1)[1] then
      found = { one[1], one[2], unit }
    end
  end
  return found
end

local function stuck_among(hot)
  local found
  for _, stream in ipairs({ KEYS[3], KEYS[4], '' }) do
    bytes = 0
    local one
    if stream == '' then one = late_among(hot) else one = first_late(stream) end
    local is_first = one and (not found or id_after(found[3], one[3]))
    if is_first and has_gone_past(stream_of(one[3]), one[3]) then found = one end
  end
  bytes = 0
  return found and about(unpack(found)) or {}
end

local hot = hottest_keys()
local reply = { redis.call('HLEN', KEYS[2]), stuck_among(hot) }
bytes = 0
for i = 1, math.min(#hot, tonumber(options.most)) do
  reply[i + 2] = about_key(unpack(hot[i]))
end
return reply
