-- How scripts take runs apart: packs of messages of one key. Scripts that use it use pack-counts, packs and keyed, too.
--
-- The first message that is left goes to the inbox, with its id, and keeps the key busy. Those after it go back to held, before
-- all others of their key.

-- The numbers before all others of a key: the first of `size` in a row.
local function number_before(key, size)
  local member = held_behind(key, 0, 1)[1]
  local first = member and tonumber(string.sub(member, #key + 2, #key + 1 + NUMBER))
  return (first or last_number(redis.call('HGET', key_of_bridge, 'held')) + 1) - size
end

-- Takes a run apart from message `first` on. `attempts` and `outcome` are those of that message; `begun` says whether messages
-- after it may have been begun: these keep their ids. Raises what Redis refuses: then all is as before. The caller removes the
-- pack then.
local function take_apart(id, key, messages, first, attempts, outcome, begun)
  local owner = unit_in(redis.call('HGET', key_of_busy, key))
  local is_owner = owner == '' or owner == id
  local members, entry, after = {}, nil, is_owner and first or first - 1
  local number = number_before(key, #messages - after)
  for k = after + 1, #messages do
    -- If another entry keeps the key busy, another program has changed that: the first one waits, too.
    local past = (begun or k == first) and identity_in(id, k) .. ' ' .. attempts or ''
    members[#members + 1], members[#members + 2] = 0, member_of_key(key, number, past, messages[k])
    number = number + 1
  end
  local is_done, raised = pcall(function()
    if is_owner then
      local fields = { 'message', messages[first], 'key', key, 'id', identity_in(id, first), 'attempts', attempts }
      if outcome then fields[#fields + 1], fields[#fields + 2] = 'outcome', outcome end
      local added = add_to_inbox_after(id, unpack(fields))
      if type(added) == 'table' then error(not_added(key_of_inbox, added)) end
      entry = added
    end
    call_with_pairs(members, 'ZADD', key_of_held)
    if is_owner then redis.call('HSET', key_of_busy, key, entry) end
  end)
  if is_done then return end
  for i = 2, #members, 2 do
    redis.call('ZREM', key_of_held, members[i])
  end
  if entry then redis.call('XDEL', key_of_inbox, entry) end
  error(raised, 0)
end

names.explode_run = function(id, key, messages, attempts)
  take_apart(id, key, messages, 1, attempts, nil, true)
  remove_pack(id, #messages)
end
