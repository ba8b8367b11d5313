-- Stands in front of every script. A script checks the types of its keys before its first write: Redis does not roll
-- back, so a WRONGTYPE half-way would leave the first half done.

-- The first argument of every script: its options, as JSON. What is not given is nil. Numbers are text, as in the hashes
-- that they are compared with: numbers of Lua are doubles.
local options = cjson.decode(ARGV[1])

-- The list that the arguments after the first hold: an array of MessagePack, cut into pieces, then the pieces of its large texts
-- (see packed.ts). options.large holds the number of each and how many pieces it has, in turn. To unpack a large text would
-- copy it once more.
local function packed_list()
  local large, last = options.large, #ARGV
  if not large then return cmsgpack.unpack(last == 2 and ARGV[2] or table.concat(ARGV, '', 2)) end
  local texts = {}
  for i = #large - 1, 1, -2 do
    local first = last - large[i + 1] + 1
    texts[tonumber(large[i])] = table.concat(ARGV, '', first, last)
    last = first - 1
  end
  local list = cmsgpack.unpack(table.concat(ARGV, '', 2, last))
  for n, text in pairs(texts) do
    list[n] = text
  end
  return list
end

-- wrong_type(key, type, key, type, ...): nil, or the error to return. The type of an output may be 'stream or list'.
local function wrong_type(...)
  local pairs_ = { ... }
  for i = 1, #pairs_, 2 do
    local found = redis.call('TYPE', pairs_[i]).ok
    local fits = found == pairs_[i + 1]
      or pairs_[i + 1] == 'stream or list' and (found == 'stream' or found == 'list')
    if found ~= 'none' and not fits then
      return redis.error_reply('KEYTYPE ' .. pairs_[i] .. ' holds a ' .. found .. ', not a ' .. pairs_[i + 1])
    end
  end
  return nil
end

-- The time of Redis in milliseconds.
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- call_with_ids(ids, command, key, ...): one variadic command for many ids, in slices, because unpack() of
-- more than about 7,000 values overflows the stack of Lua. Returns the sum of the replies.
local function call_with_ids(ids, ...)
  local sum = 0
  for first = 1, #ids, 1000 do
    local args = { ... }
    local offset = #args - first + 1
    for i = first, math.min(first + 999, #ids) do
      args[offset + i] = ids[i]
    end
    sum = sum + redis.call(unpack(args))
  end
  return sum
end

-- An array of names and values as a table by name.
local function by_name(flat)
  local values = {}
  for i = 1, #flat, 2 do
    values[flat[i]] = flat[i + 1]
  end
  return values
end

-- The integer that a text holds, one that JavaScript and Lua count exactly; nil for any other text.
local function integer_of(text)
  local number = text and #text <= 16 and string.find(text, '^%d+$') and tonumber(text)
  return number and number < 2 ^ 53 and number or nil
end

-- Adds to a counter; returns whether it did. A foreign value that is no integer, or too large, stays as it is: it must not stop
-- the group. Any other refusal is raised.
local function count(key, field, by)
  local refusal = redis.pcall('HINCRBY', key, field, by)
  if type(refusal) ~= 'table' then return true end
  if not string.find(refusal.err, 'not an integer', 1, true) and not string.find(refusal.err, 'overflow', 1, true) then
    redis.call('HINCRBY', key, field, by)
  end
  return false
end

-- What XINFO GROUPS says about a group, by name; nil if there is no such group, or no inbox yet.
local function group_info(inbox, name)
  local groups = redis.pcall('XINFO', 'GROUPS', inbox)
  for _, group in ipairs(groups.err and {} or groups) do
    local info = by_name(group)
    if info.name == name then return info end
  end
end

-- One entry of the pending list as { id, consumer, idle, deliveries }; nil if it is not pending
-- (with that consumer, if one is given).
local function pending_entry(inbox, group, id, consumer)
  if consumer then
    return redis.call('XPENDING', inbox, group, id, id, 1, consumer)[1]
  end
  return redis.call('XPENDING', inbox, group, id, id, 1)[1]
end

-- The message of an inbox entry, or nil if the entry is gone.
local function message_of(inbox, id)
  local entry = redis.call('XRANGE', inbox, id, id)[1]
  return entry and entry[2][2]
end

-- Whether an entry is unsettled, which means: in the inbox. The pending list is asked first, because the inbox replies with
-- the whole message. pcall: the group may be gone.
local function is_unsettled(inbox, group, id)
  return redis.pcall('XPENDING', inbox, group, id, id, 1)[1] ~= nil or message_of(inbox, id) ~= nil
end

-- Claims entries for a consumer, with more options of XCLAIM. Returns whether each was in the inbox, by id. The others are
-- acknowledged: another client deleted them.
local function claim(inbox, group, consumer, ids, ...)
  local here, claimed = {}, {}
  for _, id in ipairs(ids) do
    -- Before Redis 7.0 XCLAIM does not check whether a pending entry still exists
    -- (https://redis.io/docs/latest/commands/xclaim/), and REDIS_VERSION_NUM is missing.
    if redis.REDIS_VERSION_NUM or message_of(inbox, id) then here[#here + 1] = id end
  end
  if #here > 0 then
    local command = { 'XCLAIM', inbox, group, consumer, 0, unpack(here) }
    for _, option in ipairs({ 'JUSTID', ... }) do
      command[#command + 1] = option
    end
    for _, id in ipairs(redis.call(unpack(command))) do
      claimed[id] = true
    end
  end
  for _, id in ipairs(ids) do
    if not claimed[id] then redis.call('XACK', inbox, group, id) end
  end
  return claimed
end

-- The error to return if XADD with the id '*' was refused.
local function not_added(stream, refusal)
  -- The words of Redis 7 and those of Redis 6.2.
  local is_full = string.find(refusal.err, 'last possible ID', 1, true) or string.find(refusal.err, 'equal or smaller', 1, true)
  return is_full and redis.error_reply('LASTID ' .. stream) or refusal
end

-- Whether stream id a comes after stream id b.
local function id_after(a, b)
  local a_ms, a_seq = string.match(a, '(%d+)-(%d+)')
  local b_ms, b_seq = string.match(b, '(%d+)-(%d+)')
  if a_ms ~= b_ms then return tonumber(a_ms) > tonumber(b_ms) end
  return tonumber(a_seq) > tonumber(b_seq)
end
