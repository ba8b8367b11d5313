-- Order by key: how messages that come are written. Scripts that use it use keyed, too.

-- The keys in a text of them, each and a line feed; '' for a message without.
local function keys_in(lines)
  local keys = {}
  for key in string.gmatch(lines, '([^\n]*)\n') do
    keys[#keys + 1] = key
  end
  return keys
end

-- Writes messages with their keys: those whose key is free to the inbox, the others to held. Returns a refusal, for which all is
-- undone, and the ids of the entries.
local function add_by_key(messages, keys)
  local distinct, units = {}, {}
  for _, key in ipairs(keys) do
    if key ~= '' and units[key] == nil then units[key], distinct[#distinct + 1] = false, key end
  end
  local before = values_of(key_of_busy, distinct)
  for i, value in ipairs(before) do
    units[distinct[i]] = value and unit_in(value)
  end
  local state = redis.call('HMGET', key_of_bridge, 'held', 'run')
  local entries, members, number, after = {}, {}, nil, state[2] or ''
  -- Keys that become busy; those behind which messages wait from now on.
  local added, waited = {}, {}

  local function undo(refusal)
    call_with_ids(entries, 'XDEL', key_of_inbox)
    for i, key in ipairs(distinct) do
      if before[i] then
        redis.pcall('HSET', key_of_busy, key, before[i])
      else
        redis.call('HDEL', key_of_busy, key)
      end
    end
    return refusal, {}
  end

  for i, message in ipairs(messages) do
    local key = keys[i] or ''
    if key ~= '' and units[key] then
      number, waited[key] = (number or last_number(state[1])) + 1, true
      members[#members + 1], members[#members + 2] = 0, member_of_key(key, number, '', message)
    else
      local id
      if key == '' then
        id = add_to_inbox_after(after, 'message', message)
      else
        id = add_to_inbox_after(after, 'message', message, 'key', key)
      end
      if type(id) == 'table' then
        distinct = {}
        return undo(not_added(key_of_inbox, id))
      end
      -- Redis counts on from here.
      entries[#entries + 1], after = id, ''
      if key ~= '' then units[key], added[key] = id, true end
    end
  end
  local fields = {}
  for i, key in ipairs(distinct) do
    local value = waited[key] and units[key] or added[key] and units[key] .. '.'
    if value and value ~= before[i] then fields[#fields + 1], fields[#fields + 2] = key, value end
  end
  local is_kept, refusal = pcall(function()
    call_with_pairs(fields, 'HSET', key_of_busy)
    if #members == 0 then return end
    redis.call('HSET', key_of_bridge, 'held', string.format('%.0f', number))
    call_with_pairs(members, 'ZADD', key_of_held)
  end)
  if not is_kept then return undo(as_error(refusal)) end
  return nil, entries
end
