-- Settles a batch of results: each entry leaves the inbox and its result is written to the output.
--
-- USES front
-- KEYS 1 inbox  2 output  3 counters  4 processed  5 retry
-- ARGV 1 options: large (of the list), group, maxLength (trim the output to about so many entries; 0 for never), returnedBelow (scores in the
--        retry zset below this are not times), runs (consumer id, how many results in a row are its own, ...), identities
--        (number of a result, inbox id of its message, ...: of those that came out of packs; none if there is none)
--      2... list with three texts per result: id of the entry, message id, data; in the order of the entries
-- Returns the ids of the entries that were settled before: for these nothing was written.
--
-- Atomic, because here "one result" is decided. The inbox holds the unsettled entries and nothing else, so the caller that
-- removes an entry writes its result, whichever consumer holds it and however often the result is sent.
--
-- If Redis refuses a command, nothing is settled: the first result is written before anything is removed. Before that the
-- batch is counted, and each other command is tried in a form that changes nothing. Rights do not change while a script runs.
-- After a first write of a script Redis does not refuse the others for lack of memory.
local STEP = 3
local results, ids, runs = packed_list(), {}, options.runs
for n = 1, #results / STEP do
  ids[n] = results[(n - 1) * STEP + 1]
end

-- The results that are not to be written, or written already, by number.
local late, done, first, is_retrying = {}, {}, 1, false

-- The inbox id of each message that has another one than its entry, by number.
local identities = {}
for i = 1, #(options.identities or {}), 2 do
  identities[tonumber(options.identities[i])] = options.identities[i + 1]
end

-- What is counted before the first result is written: { key, field, by }.
local counted, of_consumer = {}, {}

local function count_ahead(key, field, by)
  if count(key, field, by) then counted[#counted + 1] = { key, field, by } end
end

-- Finds the first entry that is unsettled, and does or tries all that comes after its result. A key of a wrong type refuses
-- what is tried: that costs less than to ask for the type of each key.
local function prepare()
  while ids[first] and not is_unsettled(KEYS[1], options.group, ids[first]) do
    late[first], done[first] = ids[first], true
    first = first + 1
  end
  if #late == #ids then return end
  redis.call('XDEL', KEYS[1], '0-0')
  redis.call('XACK', KEYS[1], options.group, '0-0')
  is_retrying = redis.call('ZCARD', KEYS[5]) > 0
  if is_retrying then redis.call('ZREM', KEYS[5], '0-0') end
  if options.maxLength ~= '0' then redis.call('XTRIM', KEYS[2], 'MAXLEN', '~', '9223372036854775807') end
  -- Shows the type of the one hash before the other is changed.
  redis.call('HGET', KEYS[4], runs[1])
  count_ahead(KEYS[3], 'processed', #ids)
  for run = 1, #runs, 2 do
    of_consumer[runs[run]] = (of_consumer[runs[run]] or 0) + tonumber(runs[run + 1])
  end
  for consumer, results_of_it in pairs(of_consumer) do
    count_ahead(KEYS[4], consumer, results_of_it)
  end
end

-- Nothing is settled. Returns the error for the caller.
local function refused(refusal)
  for _, one in ipairs(counted) do
    count(one[1], one[2], -one[3])
  end
  return wrong_type(KEYS[1], 'stream', KEYS[2], 'stream', KEYS[3], 'hash', KEYS[4], 'hash', KEYS[5], 'zset')
    or not_added(KEYS[2], refusal)
end

local is_prepared, refusal = pcall(prepare)
if not is_prepared then return refused(type(refusal) == 'table' and refusal or { err = refusal }) end
if #late == #ids then return late end

-- Those that this call settles.
local mine, all_pending = ids, false

-- Finds out which of the batch are unsettled, once the first of them is written. A pending entry is unsettled: if all
-- were pending, the caller settles all; if not, the removal of each decides.
local function settle_others(is_last)
  if is_last then
    mine = { ids[first] }
    for n = first + 1, #ids do
      done[n] = true
    end
  elseif first > 1 then
    mine = { unpack(ids, first) }
  end
  all_pending = call_with_ids(mine, 'XACK', KEYS[1], options.group) == #mine
  if all_pending then return end
  for i, id in ipairs(mine) do
    local is_gone = redis.call('XDEL', KEYS[1], id) == 0
    if is_gone and i > 1 then
      late[#late + 1], done[first + i - 1] = id, true
    end
  end
end

local call, output, n, settled = redis.pcall, KEYS[2], 0, 0
for run = 1, #runs, 2 do
  local consumer, written = runs[run], 0
  for _ = 1, tonumber(runs[run + 1]) do
    n = n + 1
    if not done[n] then
      local i = (n - 1) * STEP
      local added = call('XADD', output, '*', 'message_id', results[i + 2], 'consumer_id', consumer,
        'inbox_id', identities[n] or ids[n], 'data', results[i + 3])
      written = written + 1
      if n == first then
        if type(added) == 'table' then return refused(added) end
        call = redis.call
        -- The ids of these milliseconds may end within the batch: the other results wait for the next calls.
        local is_last = string.find(added, '18446744073709551615-', 1, true) == 1
        settle_others(is_last)
      end
    end
  end
  of_consumer[consumer] = of_consumer[consumer] - written
  settled = settled + written
end
if all_pending then remove_acknowledged(mine, is_retrying) end
if is_retrying then call_with_ids(mine, 'ZREM', KEYS[5]) end
-- What was counted, and not written.
if settled < #ids then
  count(KEYS[3], 'processed', settled - #ids)
  for consumer, unwritten in pairs(of_consumer) do
    if unwritten > 0 then count(KEYS[4], consumer, -unwritten) end
  end
end
if options.maxLength ~= '0' then
  local trimmed = redis.call('XTRIM', output, 'MAXLEN', '~', options.maxLength)
  if trimmed > 0 then count(KEYS[3], 'trimmed', trimmed) end
end
if settled + #late < #ids then return redis.error_reply('LASTID ' .. output) end
return late
