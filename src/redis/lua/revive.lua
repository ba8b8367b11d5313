-- Sends dead letters back to the inbox, each as a new entry.
--
-- USES halts recorded pack-counts keyed hold
-- KEYS 1 dead  2 inbox  3 counters  4 previews  5 halted  6 busy  7 retry  8 held  9 packs  10 bridge
-- ARGV 1 options: ids (of dead letters), group, hashes (prefix of the hashes of the record in Redis)
-- Returns { how many of the ids it came to, the ids that were found and sent back ... }. After a megabyte it ends: Redis copies
-- each message, and does nothing else meanwhile.
--
-- A dead letter that stops an order keeps its place: its entry has the id of the message, and its key. The order waits for it, and
-- perhaps for nothing else: so it is due at once if other entries wait to be read before it. In order by key, another one is the
-- newest message of its key.
--
-- Atomic, so that a dead letter is never in both streams or in none. Sent twice, the second finds nothing to move. If Redis
-- refuses a command, the dead letters before it are sent back, and the others stay as they are: each is written
-- before it is removed, and the other commands are tried first, in a form that changes nothing, or undone.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream', KEYS[3], 'hash', KEYS[4], 'stream', KEYS[5], 'zset',
  KEYS[6], 'hash', KEYS[7], 'zset', KEYS[8], 'zset', KEYS[9], 'stream', KEYS[10], 'hash')
if wrong then return wrong end

name_keys(KEYS[9], KEYS[2], KEYS[3], KEYS[10], KEYS[6], KEYS[8])
local is_keyed = redis.call('HGET', KEYS[10], 'order') == 'key'

redis.call('XDEL', KEYS[1], '0-0')
count(KEYS[3], 'revived', 0)
local has_halted = redis.call('ZCARD', KEYS[5]) > 0
if has_halted then
  redis.call('XDEL', KEYS[2], '0-0')
  redis.call('ZREM', KEYS[5], '')
  redis.call('ZREM', KEYS[7], '')
end

-- Whether entries of the inbox wait to be read.
local function is_behind()
  local group = has_halted and group_info(KEYS[2], options.group)
  return group and redis.call('XRANGE', KEYS[2], '(' .. group['last-delivered-id'], '+', 'COUNT', 1)[1] ~= nil
end

-- The member of halted for a dead letter, and what it says; nil if it stops no order.
local function halt_of(id, inbox_id)
  local place = has_halted and inbox_id and place_of(inbox_id)
  for _, member in ipairs(place and halts_at(KEYS[5], place) or {}) do
    local halt = halt_in(member)
    if halt and halt.letter == id then return member, halt end
  end
end

local behind = is_behind()

-- Writes the entry of a halted message, and that it is tried again. Returns the refusal of a command: then nothing has changed.
local function try_again(message, inbox_id, member, halt)
  local fields = { 'message', message, 'id', inbox_id }
  if halt.key ~= '' then
    fields[5], fields[6] = 'key', halt.key
  end
  local added = redis.pcall('XADD', KEYS[2], '*', unpack(fields))
  if type(added) == 'table' then return not_added(KEYS[2], added) end
  local again = halt_member(halt.place, '>' .. added, halt.key)
  local reply = behind and redis.pcall('ZADD', KEYS[7], 0, added)
  if type(reply) ~= 'table' then reply = redis.pcall('ZADD', KEYS[5], 0, again) end
  if type(reply) ~= 'table' and halt.key ~= '' then
    local busy = redis.pcall('HGET', KEYS[6], halt.key)
    local is_its_own = busy == false or busy == '!' .. halt.place
    reply = type(busy) == 'table' and busy or is_its_own and redis.pcall('HSET', KEYS[6], halt.key, added)
  end
  if type(reply) == 'table' then
    redis.call('ZREM', KEYS[5], again)
    redis.call('ZREM', KEYS[7], added)
    redis.call('XDEL', KEYS[2], added)
    return reply
  end
  redis.call('ZREM', KEYS[5], member)
end

-- Writes an entry like that of a new message. Returns the refusal, and its id; none if it waits behind another one of its key.
local function write_entry(message, key)
  if is_keyed and key then
    local refusal, ids = add_by_key({ message }, { key })
    return refusal, ids[1]
  end
  local added = redis.pcall('XADD', KEYS[2], '*', 'message', message)
  if type(added) == 'table' then return not_added(KEYS[2], added) end
  return nil, added
end

local LARGEST_CALL = 1000000
local revived, refusal, done, bytes = {}, nil, 0, 0
for n, id in ipairs(options.ids) do
  if bytes >= LARGEST_CALL then break end
  done = n
  local entry = redis.call('XRANGE', KEYS[1], id, id)[1]
  if entry then
    local fields, new_id = by_name(entry[2]), nil
    local message, inbox_id = entry[2][2], fields.inbox_id
    local member, halt = halt_of(id, inbox_id)
    if member then
      refusal = try_again(message, inbox_id, member, halt)
    else
      refusal, new_id = write_entry(message, fields.key)
    end
    if refusal then break end
    -- Its letter has this if it has a hash.
    if fields.message_id then record_retry(options.hashes .. fields.message_id, inbox_id, new_id or inbox_id) end
    redis.call('XDEL', KEYS[1], id)
    redis.pcall('XDEL', KEYS[4], id)
    revived[#revived + 1] = id
    bytes = bytes + #message
  end
end
if #revived > 0 then
  count(KEYS[3], 'dead', -#revived)
  count(KEYS[3], 'revived', #revived)
end
return refusal or { done, unpack(revived) }
