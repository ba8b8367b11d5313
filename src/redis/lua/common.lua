-- Put in front of every script. A script checks the types of its keys before its first write: a
-- WRONGTYPE half-way would leave the first half done, for Redis does not roll back.

-- wrong_type(key, type, key, type, ...): nil, or the error to return.
local function wrong_type(...)
  local pairs_ = { ... }
  for i = 1, #pairs_, 2 do
    local found = redis.call('TYPE', pairs_[i]).ok
    if found ~= 'none' and found ~= pairs_[i + 1] then
      return redis.error_reply('KEYTYPE ' .. pairs_[i] .. ' holds a ' .. found .. ', not a ' .. pairs_[i + 1])
    end
  end
  return nil
end

-- Redis's own time in milliseconds.
local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- call_with_ids(ids, command, key, ...): one variadic command for many ids, in slices, because unpack() of
-- more than about 7,000 values overflows Lua's stack. Returns the sum of the replies.
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

-- The array that the arguments from the first one on are, put together again (see packed.ts).
local function unpacked(first)
  return cmsgpack.unpack(first == #ARGV and ARGV[first] or table.concat(ARGV, '', first))
end

-- What XINFO GROUPS says of a group, by name, or nil where there is no such group. The inbox may not be there yet.
local function facts_of_group(inbox, name)
  local groups = redis.pcall('XINFO', 'GROUPS', inbox)
  for _, group in ipairs(groups.err and {} or groups) do
    local facts = {}
    for i = 1, #group, 2 do
      facts[group[i]] = group[i + 1]
    end
    if facts.name == name then return facts end
  end
end

-- One entry of the pending list as { id, consumer, idle, deliveries }, or nil where it is not pending
-- (with that consumer, if one is given).
local function pending_entry(inbox, group, id, consumer)
  if consumer then
    return redis.call('XPENDING', inbox, group, id, id, 1, consumer)[1]
  end
  return redis.call('XPENDING', inbox, group, id, id, 1)[1]
end

-- The message of an inbox entry, or nil where the entry is gone.
local function message_of(inbox, id)
  local entry = redis.call('XRANGE', inbox, id, id)[1]
  return entry and entry[2][2]
end

-- Whether stream id a comes after stream id b.
local function id_after(a, b)
  local a_ms, a_seq = string.match(a, '(%d+)-(%d+)')
  local b_ms, b_seq = string.match(b, '(%d+)-(%d+)')
  if a_ms ~= b_ms then return tonumber(a_ms) > tonumber(b_ms) end
  return tonumber(a_seq) > tonumber(b_seq)
end
