-- Settles a batch of results where commit.lua is not enough: with an order, with the times of each step, or into a list.
--
-- USES front sink halts total pack-counts keyed recorded
-- KEYS 1 inbox  2 output  3 counters  4 processed  5 retry  6 parked  7 halted  8 busy  9 held  10 packs  11 bridge
-- ARGV 1 options: large (of the list), group, maxLength, list (true if the output is a list), order (none, total or key),
--        returnedBelow (scores in the retry zset below this are not times), run (of order key: see
--        keyed.lua), record (true: in total order all results are parked, with their messages, and record.lua lets them out),
--        hashes (prefix of the hashes of the record in Redis; none without)
--      2... list with these texts per result, in the order of the entries: with hashes, the result for its hash (see
--        recorded.lua); id of the entry; for order key its key, '' for none; the id of the message, if it is not that of the
--        entry, else ''; the result (see sink.lua), with its place and a byte 0 before it in total order
-- Returns { results that wait for earlier ones, 1 if more may go out at once, else 0, { ids of entries that were settled
--           before }, { when each result that had waited was finished, ms since 1970 }, the id of the entry that the order waits
--           for, '' for none, or for the record, 0, { keys that free.lua has to free }, { entry id of each result whose hash
--           cannot be written, the type of what is in its place ... } }. These are not settled: the caller makes them dead letters.
--
-- Atomic, because here "one result" is decided, as in commit.lua: the caller that removes an entry settles it. And because here
-- the order is decided: what precedes an unsettled message goes out, the rest is parked, and no other script sees anything
-- between.
--
-- If Redis refuses a command, nothing is settled: the first result is written or parked before anything is removed, and each
-- other command is tried in a form that changes nothing. If it refuses a later result (the ids of the output end), that one
-- is parked in total order, and with the other orders it is not lost: it stays in the inbox.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream or list', KEYS[3], 'hash', KEYS[4], 'hash', KEYS[5], 'zset',
  KEYS[6], 'zset', KEYS[7], 'zset', KEYS[8], 'hash', KEYS[9], 'zset', KEYS[10], 'stream', KEYS[11], 'hash')
if wrong then return wrong end
wrong = wrong_type(KEYS[2], options.list and 'list' or 'stream')
if wrong then return wrong end

name_keys(KEYS[10], KEYS[1], KEYS[3], KEYS[11], KEYS[8], KEYS[9])
local STEP = options.hashes and 5 or 4
local is_total, is_keyed = options.order == 'total', options.order == 'key'
local texts, ids = packed_list(), {}
for n = 1, #texts / STEP do
  ids[n] = texts[n * STEP - 3]
end
-- Where a result begins in its text: after its place, in total order.
local BEGIN = is_total and PLACE + 2 or 1

local function key_of(n)
  return texts[n * STEP - 2]
end

local function result_of(n)
  return texts[n * STEP]
end

-- The places of halted messages that were tried again, by number: their results do not stand where their entries do.
local halts = {}

local function find_halts()
  for n = 1, #ids do
    local own = texts[n * STEP - 1]
    local place = own ~= '' and place_of(own)
    if place and is_halted(place) then halts[n] = place end
  end
end

local function place_at(n)
  return halts[n] or string.sub(result_of(n), 1, PLACE)
end

-- The messages of results that go to the record, by number: if it refuses one, its message becomes a dead letter. A message is ''
-- if another client deleted it.
local messages = {}

-- A result as it is parked: with the place at which it stands.
local function member_at(n)
  if messages[n] then
    return place_at(n) .. '\0\1' .. #messages[n] .. '\0' .. messages[n] .. string.sub(result_of(n), BEGIN)
  end
  return halts[n] and halts[n] .. string.sub(result_of(n), PLACE + 1) or result_of(n)
end

-- Entries that were settled before; the first that was not; whether each result is done with, by number.
local late, first, done, is_retrying = {}, 1, {}, false
-- The keys of the hashes, by number; the results that have none, because another program holds the key.
local hash_keys, foreign = {}, {}

local function find_foreign()
  for n = 1, #ids do
    hash_keys[n] = key_of_result(options.hashes, texts[n * STEP - 4])
    local found = foreign_type(hash_keys[n])
    if found then foreign[#foreign + 1], foreign[#foreign + 2], done[n] = ids[n], found, true end
  end
end

-- Whether later results went out, as another client deleted the entry: then it is lost, and reclaim, or renew, counts it.
local function has_gone_by(n, out)
  return out and place_at(n) <= out and not message_of(KEYS[1], ids[n])
end

local function find_late()
  local out = is_total and redis.call('HGET', KEYS[3], 'out')
  if is_total then find_halts() end
  while ids[first] and (not is_unsettled(KEYS[1], options.group, ids[first]) or has_gone_by(first, out) or done[first]) do
    if not done[first] then late[#late + 1], done[first] = ids[first], true end
    first = first + 1
  end
  -- The ids rise.
  if not out or not ids[first] or (not next(halts) and place_at(first) > out) then return end
  for n = first + 1, #ids do
    if not done[n] and has_gone_by(n, out) then late[#late + 1], done[n] = ids[n], true end
  end
end

-- Finds the first entry that is unsettled, and tries all that comes after its result.
local function prepare()
  if options.hashes then find_foreign() end
  find_late()
  if not ids[first] then return end
  redis.call('XDEL', KEYS[1], '0-0')
  redis.call('XACK', KEYS[1], options.group, '0-0')
  is_retrying = redis.call('ZCARD', KEYS[5]) > 0
  if is_retrying then redis.call('ZREM', KEYS[5], '0-0') end
  try_counting()
  if is_total then
    try_letting_out()
    redis.call('ZREM', KEYS[7], '')
    for n = first, options.record and #ids or 0 do
      if not done[n] then messages[n] = message_of(KEYS[1], ids[n]) or '' end
    end
  elseif is_keyed then
    redis.call('ZREM', KEYS[7], '')
    try_freeing()
  end
end

local is_prepared, raised = pcall(prepare)
if not is_prepared then return type(raised) == 'table' and raised or { err = raised } end
if not ids[first] then
  local place = is_total and limit_at(first_id()) or nil
  local waits_for = not (options.record and has_parked_before(place)) and id_at(place) or ''
  return { is_total and redis.call('ZCARD', KEYS[6]) or 0, 0, late, {}, waits_for, 0, {}, foreign }
end
local head = is_total and first_id() or ''
if is_keyed then find_halts() end

-- Whether nothing precedes the first result: no other entry, no halted message, no parked result.
local function may_go_first()
  if not is_total then return true end
  if options.record or next(halts) or head ~= ids[first] then return false end
  local place = place_of(head)
  return not has_parked_before(place) and redis.call('ZLEXCOUNT', KEYS[7], '-', '(' .. place) == 0
end

local function park(n)
  return redis.pcall('ZADD', KEYS[6], 0, member_at(n))
end

-- Those that this call settles, and their numbers.
local mine, numbers, all_pending = {}, {}, false

-- Parks the results of all numbers from the i-th on, in slices.
local function park_from(i)
  for first_one = i, #numbers, 500 do
    local args = {}
    for k = first_one, math.min(first_one + 499, #numbers) do
      args[#args + 1], args[#args + 2] = 0, member_at(numbers[k])
    end
    redis.call('ZADD', KEYS[6], unpack(args))
  end
end

-- Finds out which of the batch are unsettled, once the first of them is written (see commit.lua).
local function settle_others(is_last)
  for n = first, is_last and first or #ids do
    if not done[n] then
      mine[#mine + 1], numbers[#numbers + 1] = ids[n], n
    end
  end
  all_pending = call_with_ids(mine, 'XACK', KEYS[1], options.group) == #mine
  if all_pending then return end
  local here, here_numbers = { mine[1] }, { numbers[1] }
  redis.call('XDEL', KEYS[1], mine[1])
  for i = 2, #mine do
    if redis.call('XDEL', KEYS[1], mine[i]) == 1 then
      here[#here + 1], here_numbers[#here_numbers + 1] = mine[i], numbers[i]
    else
      late[#late + 1] = mine[i]
    end
  end
  mine, numbers = here, here_numbers
end

local function remove()
  for _, n in ipairs(options.hashes and numbers or {}) do
    local own, consumer = texts[n * STEP - 1], struct.unpack('s', result_of(n), BEGIN)
    record_result(hash_keys[n], texts[n * STEP - 4], own ~= '' and own or ids[n], consumer, result_of(n))
  end
  if all_pending then remove_acknowledged(mine, is_retrying) end
  if is_retrying then call_with_ids(mine, 'ZREM', KEYS[5]) end
end

-- A halted message has its result: it stops the order no longer.
local function end_halts()
  for _, n in ipairs(numbers) do
    if halts[n] then end_halt(halts[n]) end
  end
end

local goes_first = may_go_first()
local added = goes_first and write_result(result_of(first), BEGIN) or not goes_first and park(first)
if type(added) == 'table' then return goes_first and not_added(KEYS[2], added) or added end
-- The ids of these milliseconds may end within the batch: the other results wait for the next calls.
local is_last = type(added) == 'string' and string.find(added, '18446744073709551615-', 1, true) == 1
settle_others(is_last)

-- Frees the keys of the settled messages. Whatever is refused here, they are settled: free.lua frees the rest.
local function free_settled()
  local keys, units = {}, {}
  for _, n in ipairs(numbers) do
    if key_of(n) ~= '' then keys[#keys + 1], units[#units + 1] = key_of(n), ids[n] end
  end
  local is_done, unfreed = pcall(free_keys, keys, units)
  return is_done and unfreed or keys
end

local more, finished, left, refusal, limit = false, {}, {}, nil, nil
if is_total then
  remove()
  end_halts()
  if head == '' or not id_after(ids[first], head) then head = first_id() end
  limit = limit_at(head)
  -- In order, and with nothing parked between them, results need not pass through the zset. The ids rise: if the last one may go
  -- out, all may.
  local last = place_at(numbers[#numbers])
  local is_direct = goes_first and not has_parked_before(last)
  local all_out = not limit or last < limit
  local out, i = goes_first and first, 2
  while is_direct and i <= #numbers do
    local n = numbers[i]
    is_direct = is_direct and (all_out or place_at(n) < limit)
    is_direct = is_direct and type(write_result(result_of(n), BEGIN)) ~= 'table'
    if is_direct then out, i = n, i + 1 end
  end
  park_from(i)
  if out then note_out(place_at(out)) end
  if options.record then
    more = has_parked_before(limit)
    -- The order waits for the record, not for a message.
    if more then limit = nil end
  elseif not is_direct or has_parked_before(limit) then
    more, finished, refusal = let_out(limit)
  end
else
  for i = 2, #numbers do
    local reply = write_result(result_of(numbers[i]), BEGIN)
    if type(reply) == 'table' then
      refusal = not_added(KEYS[2], reply)
      -- They stay in the inbox, pending with no consumer: they are found as strays.
      mine, numbers = { unpack(mine, 1, i - 1) }, { unpack(numbers, 1, i - 1) }
      break
    end
  end
  remove()
  end_halts()
  if is_keyed then left = free_settled() end
end
count_written()
if is_last and #mine + #late + #foreign / 2 < #ids then return redis.error_reply('LASTID ' .. KEYS[2]) end
if refusal then return refusal end
return { is_total and redis.call('ZCARD', KEYS[6]) or 0, more and 1 or 0, late, finished, id_at(limit), 0, left, foreign }
