-- How scripts unpack packs; they use pack-counts, too. Their keys begin with: 1 packs  2 inbox  3 counters.
--
-- A pack is an entry with the field `pack`: its messages, each a text of MessagePack. If it has a second one, `key`, they are
-- messages of that key in their order: a run (see keyed.lua, runs.lua). Its id tells how many they are: it is the
-- id of the last one (see core/pack.ts). A message that leaves a pack unsettled goes to the inbox with its id, the attempts
-- made, and perhaps the outcome of the next one, which has to be recorded: an unpacked entry.
--
-- Redis does not roll back: so each function below writes first, undoes that if Redis refuses it, and removes the pack last.

-- A script whose inbox is another key names it here. runs.lua sets what takes a run apart.
local names = { inbox = KEYS[2], explode_run = nil }

-- The id of the message k, from 1, of a pack.
local function identity_in(pack, k)
  return string.sub(pack, 1, -4) .. string.format('%03d', k)
end

-- The messages of a pack, nil, their bytes, and the key of a run; nil if it is gone; nil and its fields as a text if it is no
-- pack: another program wrote it.
local function messages_of(id)
  local entry = redis.call('XRANGE', KEYS[1], id, id)[1]
  if not entry then return nil end
  local fields, n = entry[2], count_in(id)
  local foreign = table.concat(fields, ' ')
  local is_run = #fields == 4 and fields[3] == 'key'
  if n == 0 or not (#fields == 2 or is_run) or fields[1] ~= 'pack' then return nil, foreign end
  -- unpack_limit: a foreign text may hold millions of values. Its second value is -1 if nothing follows.
  local found = { pcall(cmsgpack.unpack_limit, fields[2], n, 0) }
  if not found[1] or found[2] ~= -1 then return nil, foreign end
  local messages, bytes = {}, 0
  for k = 1, n do
    local message = found[k + 2]
    if type(message) ~= 'string' then return nil, foreign end
    messages[k], bytes = message, bytes + #message + 5
  end
  if bytes ~= #fields[2] then return nil, foreign end
  return messages, nil, bytes, is_run and fields[4] or nil
end

-- Entries of the inbox that are written for a pack which is still there.
local given_back = {}

local function add_to_inbox(...)
  local id = redis.pcall('XADD', names.inbox, '*', ...)
  if type(id) == 'table' then error(not_added(names.inbox, id)) end
  given_back[#given_back + 1] = id
end

-- Writes an unpacked entry.
local function give_back(message, identity, attempts, outcome)
  if outcome then
    add_to_inbox('message', message, 'id', identity, 'attempts', attempts, 'outcome', outcome)
  else
    add_to_inbox('message', message, 'id', identity, 'attempts', attempts)
  end
end

-- Removes what was written for the pack at hand.
local function take_back()
  if #given_back > 0 then call_with_ids(given_back, 'XDEL', names.inbox) end
  given_back = {}
end

-- Carries out, in a form that changes nothing, the commands that come after the first write. They raise what Redis refuses.
local function try_removal()
  redis.call('XDEL', names.inbox, '0-0')
  redis.call('XDEL', KEYS[1], '0-0')
  redis.call('XACK', KEYS[1], options.group, '0-0')
  count(KEYS[3], 'packed', 0)
end

-- Removes a pack of which everything is written; `n` of its messages were counted.
local function remove_pack(id, n)
  redis.call('XACK', KEYS[1], options.group, id)
  redis.call('XDEL', KEYS[1], id)
  if n > 0 then count(KEYS[3], 'packed', -n) end
  given_back = {}
end

-- What a script returns for an error that was raised.
local function refusal_of(raised)
  return type(raised) == 'table' and raised or { err = raised }
end

-- Gives all messages of a pack back to the inbox, those of a foreign entry as one that becomes a dead letter. Raises a
-- refusal: then the pack is as before. Returns how many messages were given back, how many were lost because another client
-- deleted the pack, and their bytes.
local function explode(id, attempts)
  local n = count_in(id)
  local messages, foreign, bytes, key = messages_of(id)
  if key and names.explode_run then
    names.explode_run(id, key, messages, attempts)
    return n, 0, bytes
  end
  local is_done, raised = pcall(function()
    for k, message in ipairs(messages or {}) do
      give_back(message, identity_in(id, k), attempts)
    end
    if foreign then add_to_inbox('pack', foreign) end
  end)
  if not is_done then
    take_back()
    error(raised, 0)
  end
  if foreign then
    remove_pack(id, 0)
    return 0, 0, #foreign
  end
  remove_pack(id, n)
  if messages then return n, 0, bytes end
  count(KEYS[3], 'lost', n)
  return 0, n, 0
end
