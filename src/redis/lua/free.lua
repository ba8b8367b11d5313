-- Frees keys that are busy with an entry that is gone: another client deleted it, or a call that settled it had moved enough. Also
-- keys behind which messages wait though nothing keeps them busy: another program changed the hash busy.
--
-- USES pack-counts keyed
-- KEYS 1 inbox  2 packs  3 counters  4 bridge  5 busy  6 held
-- ARGV 1 options: group, run (see keyed.lua), keys (to look at; none: a page of all), cursor (of busy; '' to skip it), from (of
--        held, '-' for the beginning, '' to skip it), count (about so many keys of each)
-- Returns { keys that were freed, cursor to go on with ('0' at the end), where to go on in held ('' at the end), { keys that
--           are still to be freed } }.
--
-- Atomic, so that an entry is not settled and a key not freed by the time the next message of it goes to the inbox. A page is
-- about 200 keys, and ends after a megabyte: Redis replies with the messages of entries that wait to be read. Which keys of a page
-- come first changes with the time. If Redis refuses a command, the next call goes on.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream', KEYS[3], 'hash', KEYS[4], 'hash', KEYS[5], 'hash',
  KEYS[6], 'zset')
if wrong then return wrong end

name_keys(KEYS[2], KEYS[1], KEYS[3], KEYS[4], KEYS[5], KEYS[6])
local MOST_BYTES, bytes = 1000000, 0
local keys, units = {}, {}

local function bytes_of(entry)
  local sum = 0
  for _, text in ipairs(entry[2]) do
    sum = sum + #text
  end
  return sum
end

-- Whether an entry or a pack is in its stream. The pending list is asked first: it does not reply with the message.
local function is_there(id)
  local stream = count_in(id) > 0 and KEYS[2] or KEYS[1]
  -- pcall: the group may be gone.
  if redis.pcall('XPENDING', stream, options.group, id, id, 1)[1] then return true end
  local entry = redis.call('XRANGE', stream, id, id)[1]
  bytes = bytes + (entry and bytes_of(entry) or 0)
  return entry ~= nil
end

-- '!' begins the value of a key that is halted.
local function look_at(key, id)
  id = unit_in(id)
  if string.sub(id, 1, 1) == '!' or bytes >= MOST_BYTES then return end
  if not string.find(id, '^%d+%-%d+$') or not is_there(id) then keys[#keys + 1], units[#units + 1] = key, id end
end

-- A page of busy.
local function look_at_busy()
  local page = redis.call('HSCAN', KEYS[5], options.cursor, 'COUNT', options.count)
  local flat, n = page[2], #page[2] / 2
  local offset = n > 0 and now_ms() % n or 0
  for i = 0, n - 1 do
    local at = (i + offset) % n * 2
    look_at(flat[at + 1], flat[at + 2])
  end
  return page[1]
end

-- The keys behind which messages wait, from a place in held on. Returns them and the next place. What cannot be of the group is
-- removed.
local function keys_behind(from)
  local found, foreign = {}, {}
  for _ = 1, tonumber(options.count) do
    local member = redis.call('ZRANGEBYLEX', KEYS[6], from, '+', 'LIMIT', 0, 1)[1]
    if not member then
      from = ''
      break
    end
    local key = string.match(member, '^(["%d%-tf]%Z*)%z%d+%z')
    if not key then
      foreign[#foreign + 1], from = member, '(' .. member
    else
      found[#found + 1], from = key, '(' .. key .. '\1'
    end
    bytes = bytes + #member
    if bytes >= MOST_BYTES then break end
  end
  if #foreign > 0 then
    call_with_ids(foreign, 'ZREM', KEYS[6])
    count(KEYS[3], 'foreignHeld', #foreign)
    from = '-'
  end
  return found, from
end

-- The first entry of each of the keys in the inbox, as far as about 1,000 entries show.
local function entries_of(wanted)
  local first, from, seen = {}, '-', 0
  repeat
    local page = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', 20)
    for _, entry in ipairs(page) do
      local fields = by_name(entry[2])
      local key = fields.key
      if key and wanted[key] and not first[key] then first[key] = entry[1] end
      bytes, from = bytes + bytes_of(entry), '(' .. entry[1]
    end
    seen = seen + #page
  until #page < 20 or seen >= 1000 or bytes >= 2 * MOST_BYTES
  return first
end

-- Keys of held that nothing keeps busy: an entry of theirs in the inbox does from now on, or the next message goes there.
local function look_at_held()
  local found, from = keys_behind(options.from)
  local wanted, is_any = {}, false
  for i, value in ipairs(values_of(KEYS[5], found)) do
    if not value then wanted[found[i]], is_any = true, true end
    -- Something does wait behind it.
    if value and unit_in(value) ~= value then redis.call('HSET', KEYS[5], found[i], unit_in(value)) end
  end
  local first = is_any and entries_of(wanted) or {}
  for _, key in ipairs(found) do
    if first[key] then
      redis.call('HSET', KEYS[5], key, first[key])
    elseif wanted[key] then
      keys[#keys + 1], units[#units + 1] = key, ''
    end
  end
  return from
end

local cursor, from = '0', ''
try_freeing()
if options.keys then
  local ids = values_of(KEYS[5], options.keys)
  for i, key in ipairs(options.keys) do
    if ids[i] then look_at(key, ids[i]) end
  end
else
  if options.cursor ~= '' then cursor = look_at_busy() end
  if options.from ~= '' then from = look_at_held() end
end
local left, refusal = free_keys(keys, units)
if #keys > #left then count(KEYS[3], 'freed', #keys - #left) end
return refusal or { #keys - #left, cursor, from, left }
