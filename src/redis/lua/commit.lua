-- Settles a batch of results: each entry leaves the inbox and its result is written to the output.
--
-- KEYS 1 inbox  2 output  3 counters  4 processed  5 retry
-- ARGV 1 options: group, maxLength (trim the output to about so many entries; 0 for never), returnedBelow (scores in the
--        retry zset below this are not times), runs (consumer id, how many results in a row are its own, ...)
--      2... list with three texts per result: inbox id, message id, data; in the order of the inbox ids
-- Returns the inbox ids that were settled before: for these nothing was written.
--
-- Atomic, because here "one result" is decided. The inbox holds the unsettled entries and nothing else, so the caller that
-- removes an entry writes its result, whichever consumer holds it and however often the result is sent.
-- Removing comes first: it needs no memory, and after the first write of a script Redis no longer refuses
-- it for lack of memory, so a result is never half written.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream', KEYS[3], 'hash', KEYS[4], 'hash', KEYS[5], 'zset')
if wrong then return wrong end

local STEP = 3
local results, ids = packed_list(), {}
for n = 1, #results / STEP do
  ids[n] = results[(n - 1) * STEP + 1]
end

-- How many of the batch, once acknowledged, are the front of the inbox with nothing else between them. If the numbers fit,
-- each delivered entry is pending, handed back or in the batch. They do not fit if another client acknowledged entries
-- without removing them. If they fit, all entries before the oldest pending one are in the batch.
-- Redis reports the lag since 7.0, not always (https://redis.io/docs/latest/commands/xinfo-groups/).
local function length_of_front()
  local group = group_info(KEYS[1], options.group)
  if not group or not group.lag or redis.call('XLEN', KEYS[1]) ~= group.pending + #ids + group.lag then return 0 end
  if redis.call('ZCOUNT', KEYS[5], '-inf', '(' .. options.returnedBelow) > 0 then return 0 end
  local oldest = redis.call('XPENDING', KEYS[1], options.group, '-', '+', 1)[1]
  if not oldest then return #ids end
  local low, high = 0, #ids
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if id_after(oldest[1], ids[middle]) then low = middle else high = middle - 1 end
  end
  return low
end

-- XDEL walks through a node of the stream for each entry; cutting off the front of the stream costs nearly nothing.
local function remove_all()
  local front, rest = length_of_front(), ids
  if front > 0 then
    local cut = redis.call('XTRIM', KEYS[1], 'MINID', '=', ids[front]) + redis.call('XDEL', KEYS[1], ids[front])
    -- Another client acknowledged as many entries without removing them as it removed pending ones, so the numbers fitted.
    if cut > front then redis.call('HINCRBY', KEYS[3], 'lost', cut - front) end
    if cut >= front then
      rest = {}
      for n = front + 1, #ids do
        rest[#rest + 1] = ids[n]
      end
    end
  end
  call_with_ids(rest, 'XDEL', KEYS[1])
end

-- A pending entry is unsettled. If all of the batch was pending, the caller settles all of it;
-- if not, the removal of each entry decides.
local late, is_late = {}, {}
if call_with_ids(ids, 'XACK', KEYS[1], options.group) == #ids then
  remove_all()
else
  for i, id in ipairs(ids) do
    if redis.call('XDEL', KEYS[1], id) == 0 then
      late[#late + 1] = id
      is_late[i] = true
    end
  end
  if #late == #ids then return late end
end

local call, output, runs, counts, n = redis.call, KEYS[2], options.runs, {}, 0
for run = 1, #runs, 2 do
  local consumer, written = runs[run], 0
  for _ = 1, tonumber(runs[run + 1]) do
    n = n + 1
    if not is_late[n] then
      local i = (n - 1) * STEP
      call('XADD', output, '*', 'message_id', results[i + 2], 'consumer_id', consumer, 'inbox_id', ids[n],
        'data', results[i + 3])
      written = written + 1
    end
  end
  counts[consumer] = (counts[consumer] or 0) + written
end
if redis.call('EXISTS', KEYS[5]) == 1 then call_with_ids(ids, 'ZREM', KEYS[5]) end
redis.call('HINCRBY', KEYS[3], 'processed', #ids - #late)
for consumer, count in pairs(counts) do
  if count > 0 then redis.call('HINCRBY', KEYS[4], consumer, count) end
end
if options.maxLength ~= '0' then
  local trimmed = redis.call('XTRIM', KEYS[2], 'MAXLEN', '~', options.maxLength)
  if trimmed > 0 then redis.call('HINCRBY', KEYS[3], 'trimmed', trimmed) end
end
return late
