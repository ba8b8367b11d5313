-- Order by key: what goes on when a message of a key is settled. Scripts that use it use pack-counts, too, and call name_keys
-- before its other functions. Their option run: how many messages of a key may go out together, at most (1: one by one).
--
-- The hash busy has a field for each key with a message in the inbox or in a pack: the id of that entry, its unit. There is one
-- unit of a key at a time. A dot after the id says that nothing waits behind it: then held need not be asked. Its other messages
-- wait in held, in the order of their numbers. A member of held is KEY \0 NUMBER \0 PAST \0 message. A key is JSON, so it holds
-- no byte 0. PAST is '', or `ID ATTEMPTS` if the message was in a unit before, which may have been begun: it keeps its id, and
-- goes alone.
--
-- Redis does not roll back. What is written comes first, and is taken back if Redis refuses the rest: then the key stays busy
-- with an entry that is gone, and nothing of it is lost: free.lua finds such keys.

local key_of_packs, key_of_inbox, key_of_counters, key_of_bridge, key_of_busy, key_of_held

local function name_keys(packs, inbox, counters, bridge, busy, held)
  key_of_packs, key_of_inbox, key_of_counters = packs, inbox, counters
  key_of_bridge, key_of_busy, key_of_held = bridge, busy, held
end

local NUMBER, LARGEST_PACK, MOST_IN_PACK = 16, 65536, 250
-- What one call moves, at most, about.
local MOST_MOVED, MOST_MOVED_BYTES = 1000, 1000000
local moved_bytes = 0

-- The values of many fields of a hash.
local function values_of(hash, fields)
  local values = {}
  for first = 1, #fields, 1000 do
    local page = redis.call('HMGET', hash, unpack(fields, first, math.min(first + 999, #fields)))
    for i = 1, #page do
      values[first + i - 1] = page[i]
    end
  end
  return values
end

-- One command for many pairs, in slices.
local function call_with_pairs(pairs_, command, key)
  for first = 1, #pairs_, 1000 do
    redis.call(command, key, unpack(pairs_, first, math.min(first + 999, #pairs_)))
  end
end

-- The number of the last message that was held. A foreign value counts as the time in µs: more than all numbers before.
local function last_number(text)
  local time = not integer_of(text) and redis.call('TIME')
  return time and time[1] * 1000000 + time[2] or integer_of(text)
end

-- The id of the unit in a value of busy; '' for none.
local function unit_in(value)
  if not value then return '' end
  return string.byte(value, -1) == 46 and string.sub(value, 1, -2) or value
end

local function member_of_key(key, number, past, message)
  return key .. '\0' .. string.format('%016.0f', number) .. '\0' .. past .. '\0' .. message
end

-- The first messages that wait behind a key, after some of them: members of held.
local function held_behind(key, skipped, most)
  return redis.call('ZRANGEBYLEX', key_of_held, '[' .. key .. '\0', '(' .. key .. '\1', 'LIMIT', skipped, most)
end

-- The message in a member of held and its past; nil if another program wrote it.
local function message_held(member, key)
  local past = #key + NUMBER + 3
  local past_end = string.find(member, '\0', past, true)
  if not past_end then return nil end
  return string.sub(member, past_end + 1), string.sub(member, past, past_end - 1)
end

-- Foreign members of a key that one call removes.
local MOST_FOREIGN_HELD = 100

-- The next unit of a key: { members, messages, past, is_last: nothing waits behind it }, at most so many messages. There may be none
-- though others wait, behind members that another program wrote.
local function next_unit(key, most)
  local members, messages, foreign, bytes, size = {}, {}, {}, 0, 2
  local function taken(is_last, past)
    if #foreign > 0 then
      call_with_ids(foreign, 'ZREM', key_of_held)
      count(key_of_counters, 'foreignHeld', #foreign)
    end
    moved_bytes = moved_bytes + bytes
    return { members = members, messages = messages, past = past or '', is_last = is_last }
  end
  while #messages < most and #foreign < MOST_FOREIGN_HELD do
    size = math.min(size, math.max(1, most - #messages))
    local page = held_behind(key, #members + #foreign, size)
    for _, member in ipairs(page) do
      local message, past = message_held(member, key)
      local total = bytes + #(message or '') + 5
      if not message then
        foreign[#foreign + 1] = member
      elseif #messages == 0 or (past == '' and total <= LARGEST_PACK) then
        members[#members + 1], messages[#messages + 1], bytes = member, message, total
        if past ~= '' then return taken(false, past) end
      else
        return taken(false)
      end
    end
    if #page < size then return taken(true) end
    -- Their sizes are known only when Redis has copied them: so a page is as long as fits by the mean.
    size = math.max(1, math.min(100, 2 * size, math.floor((LARGEST_PACK - bytes) * math.max(1, #messages) / math.max(1, bytes))))
  end
  return taken(false)
end

local FIRST_BLOCK, BLOCK, EXACT, MOST_AHEAD = 1000, 1000, 2 ^ 53, 86400000
-- The time, once it is asked for; the last pack that was written.
local present, last_run

local function is_ahead(ms)
  present = present or now_ms()
  return tonumber(ms) >= present
end

-- The id to ask for in the inbox after an entry or a pack of the same key.
local function id_in_inbox_after(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  if not ms or #seq < 7 or not is_ahead(ms) or tonumber(ms) > present + MOST_AHEAD then return '*' end
  return string.format('%.0f-0', tonumber(ms) + 1)
end

-- The first id for a pack of so many messages after an id.
local function pack_id_after(id, messages)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  local block = FIRST_BLOCK
  if not ms or not is_ahead(ms) then
    ms = string.format('%.0f', present or now_ms())
  elseif (math.floor(tonumber(seq) / BLOCK) + 2) * BLOCK < EXACT then
    block = math.max(FIRST_BLOCK, math.floor(tonumber(seq) / BLOCK) + 1)
  else
    ms = string.format('%.0f', tonumber(ms) + 1)
  end
  return string.format('%s-%.0f', ms, block * BLOCK + messages)
end

local function is_too_small(reply)
  return type(reply) == 'table' and string.find(reply.err, 'equal or smaller', 1, true)
end

-- Writes an entry of one message after an id; returns the reply.
local function add_to_inbox_after(id, ...)
  local asked = id_in_inbox_after(id)
  local reply = redis.pcall('XADD', key_of_inbox, asked, ...)
  -- The inbox may be ahead of that already.
  if asked ~= '*' and is_too_small(reply) then reply = redis.pcall('XADD', key_of_inbox, '*', ...) end
  return reply
end

-- The same for a pack.
local function add_run_after(id, key, messages)
  local parts = {}
  for i, message in ipairs(messages) do
    -- A "str 32" of MessagePack.
    parts[2 * i - 1], parts[2 * i] = struct.pack('>BI4', 0xdb, #message), message
  end
  local payload = table.concat(parts)
  local function add(after)
    return redis.pcall('XADD', key_of_packs, pack_id_after(after, #messages), 'pack', payload, 'key', key)
  end
  -- A pack in the block of another one would have its ids, if it is longer.
  last_run = last_run or string.match(redis.call('HGET', key_of_bridge, 'run') or '', '^%d+%-%d+$')
  local reply = add(last_run and id_after(last_run, id) and last_run or id)
  if is_too_small(reply) then
    local last = by_name(redis.call('XINFO', 'STREAM', key_of_packs))['last-generated-id']
    reply = add(id_after(last, id) and last or id)
  end
  if type(reply) == 'string' then last_run = reply end
  return reply
end

-- Writes the next unit of a key after the one with an id; returns the reply, and whether it is a run. Without a key: its message.
local function add_unit(key, id, unit)
  local messages = unit.messages
  if #messages > 1 then return add_run_after(id, key, messages), true end
  local fields = { 'message', messages[1] }
  if key then fields[3], fields[4] = 'key', key end
  local own, attempts = string.match(unit.past, '^(%d+%-%d+) (%d+)$')
  if own then
    local n = #fields
    fields[n + 1], fields[n + 2], fields[n + 3], fields[n + 4] = 'id', own, 'attempts', attempts
  end
  return add_to_inbox_after(id, unpack(fields)), false
end

-- Carries out, in a form that changes nothing, the commands that take something back, and those that come last. They raise what
-- Redis refuses.
local function try_freeing()
  redis.call('XDEL', key_of_inbox, '0-0')
  redis.call('XDEL', key_of_packs, '0-0')
  redis.call('HDEL', key_of_busy, '')
  redis.call('ZREM', key_of_held, '')
  redis.call('ZREMRANGEBYLEX', key_of_held, '[', '[')
  count(key_of_counters, 'packed', 0)
end

-- How many messages are in packs: without packs the number may be a foreign one.
local function count_packed(messages, packs_before)
  if packs_before == 0 then
    redis.call('HSET', key_of_counters, 'packed', messages)
  else
    count(key_of_counters, 'packed', messages)
  end
end

local function as_error(raised)
  return type(raised) == 'table' and raised or { err = raised }
end

-- Writes the next unit of each of the keys, and says what is to be done then.
local function units_for(keys, ids)
  local units = { idle = {}, fields = {}, members = {}, ranges = {}, entries = {}, runs = {}, in_runs = 0, left = {} }
  local busy = values_of(key_of_busy, keys)
  local holds = redis.call('ZCARD', key_of_held) > 0
  local most = math.min(tonumber(options.run), MOST_IN_PACK, math.max(10, math.ceil(MOST_MOVED / #keys)))
  for n, key in ipairs(keys) do
    local is_free = unit_in(busy[n]) == ids[n]
    if is_free and (not holds or busy[n] ~= ids[n] and busy[n]) then
      units.idle[#units.idle + 1] = key
    elseif is_free and moved_bytes >= MOST_MOVED_BYTES then
      units.left[#units.left + 1] = key
    elseif is_free then
      local unit = next_unit(key, most)
      local after = string.find(ids[n], '^%d+%-%d+$') and ids[n] or '0-0'
      local added, is_run
      if #unit.messages > 0 then added, is_run = add_unit(key, after, unit) end
      if type(added) == 'table' then
        units.refusal = added
        units.left[#units.left + 1] = key
      elseif added then
        local written = is_run and units.runs or units.entries
        written[#written + 1] = added
        if is_run then units.in_runs = units.in_runs + #unit.messages end
        units.fields[#units.fields + 1], units.fields[#units.fields + 2] = key, unit.is_last and added .. '.' or added
        if is_run then
          units.ranges[#units.ranges + 1] = { unit.members[1], unit.members[#unit.members] }
        else
          units.members[#units.members + 1] = unit.members[1]
        end
      else
        local then_ = unit.is_last and units.idle or units.left
        then_[#then_ + 1] = key
      end
    end
  end
  return units
end

-- Messages of the keys are settled: ids are those of their units, '' for a key that nothing keeps busy. The next unit of each
-- key takes its place. Only its own unit frees a key. Returns the keys that are left busy because the call has moved enough, or
-- because Redis refuses an entry.
local function free_keys(keys, ids)
  if #keys == 0 then return {} end
  local packs_before = redis.call('XLEN', key_of_packs)
  local units = units_for(keys, ids)
  call_with_ids(units.idle, 'HDEL', key_of_busy)
  local kept, refusal = pcall(function()
    call_with_pairs(units.fields, 'HSET', key_of_busy)
    if #units.runs > 0 then
      redis.call('HSET', key_of_bridge, 'run', units.runs[#units.runs])
      count_packed(units.in_runs, packs_before)
    end
  end)
  if not kept then
    -- HSET is refused: the keys have their old ids.
    call_with_ids(units.entries, 'XDEL', key_of_inbox)
    call_with_ids(units.runs, 'XDEL', key_of_packs)
    return keys, as_error(refusal)
  end
  call_with_ids(units.members, 'ZREM', key_of_held)
  for _, range in ipairs(units.ranges) do
    redis.call('ZREMRANGEBYLEX', key_of_held, '[' .. range[1], '[' .. range[2])
  end
  return units.left, units.refusal
end
