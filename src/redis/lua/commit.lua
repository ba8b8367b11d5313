-- Settles a batch of results: each entry leaves the inbox and its result is written to the output.
--
-- KEYS 1 inbox  2 output  3 counters  4 processed  5 retry
-- ARGV 1 group  2 trim the output to about so many entries, or 0  3 scores in the retry zset below this are not times
--      4 how many runs  5... of each run the consumer's id, and how many results in a row are its
--      then an array of MessagePack, cut into pieces, with three per result: inbox id, message id, data; in the order of
--      the inbox ids
-- Returns the inbox ids that were settled before, by whomever: for these nothing was written.
--
-- Atomic, because this is where "one result" is decided: the inbox holds the unsettled and nothing
-- else, so whoever removes the entry writes the result, whoever holds it, and however often it is sent.
-- Removing comes first: it needs no memory, and after a script's first write Redis no longer refuses
-- it for want of memory, so a result is never half written.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream', KEYS[3], 'hash', KEYS[4], 'hash', KEYS[5], 'zset')
if wrong then return wrong end

local STEP, RUNS = 3, 5
local after_runs = RUNS + 2 * tonumber(ARGV[4])
local results, ids = unpacked(after_runs), {}
for n = 1, #results / STEP do
  ids[n] = results[(n - 1) * STEP + 1]
end

-- How many of the batch, once acknowledged, are the front of the inbox with nothing else between them. Whatever was
-- delivered is pending, handed back or of the batch, if the numbers say so: somebody may have acknowledged what he did not
-- remove. All that lies before the oldest pending entry is the batch's then. Redis tells the lag since 7.0, not always.
local function length_of_front()
  local group = facts_of_group(KEYS[1], ARGV[1])
  if not group or not group.lag or redis.call('XLEN', KEYS[1]) ~= group.pending + #ids + group.lag then return 0 end
  if redis.call('ZCOUNT', KEYS[5], '-inf', '(' .. ARGV[3]) > 0 then return 0 end
  local oldest = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1)[1]
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
    -- Somebody acknowledged as many entries without removing them as he removed pending ones, so the numbers fitted.
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

-- What is pending is unsettled. Where all of the batch was pending, all of it is the caller's to settle;
-- where not, the removal of each entry decides.
local late, is_late = {}, {}
if call_with_ids(ids, 'XACK', KEYS[1], ARGV[1]) == #ids then
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

local call, output, counts, n = redis.call, KEYS[2], {}, 0
for run = RUNS, after_runs - 1, 2 do
  local consumer, written = ARGV[run], 0
  for _ = 1, tonumber(ARGV[run + 1]) do
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
if ARGV[2] ~= '0' then
  local trimmed = redis.call('XTRIM', KEYS[2], 'MAXLEN', '~', ARGV[2])
  if trimmed > 0 then redis.call('HINCRBY', KEYS[3], 'trimmed', trimmed) end
end
return late
