-- Settles a batch of results: each entry leaves the inbox and its result is written to the output.
--
-- KEYS 1 inbox  2 output  3 counters  4 processed  5 retry
-- ARGV 1 group  2 trim the output to about so many entries, or 0  3 scores in the retry zset below this are not times
--      4... an array of MessagePack, cut into pieces, with four per result: inbox id, consumer id, message id, data;
--      in the order of their ids
-- Returns the inbox ids that were settled before, by whomever: for these nothing was written.
--
-- Atomic, because this is where "one result" is decided: the inbox holds the unsettled and nothing
-- else, so whoever removes the entry writes the result, whoever holds it, and however often it is sent.
-- Removing comes first: it needs no memory, and after a script's first write Redis no longer refuses
-- it for want of memory, so a result is never half written.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream', KEYS[3], 'hash', KEYS[4], 'hash', KEYS[5], 'zset')
if wrong then return wrong end

local STEP = 4
local results, ids = unpacked(4), {}
for i = 1, #results, STEP do
  ids[#ids + 1] = results[i]
end

-- Nothing but the batch lies in the inbox up to its last entry: all there was delivered (after a group was
-- destroyed and made anew, an entry that waited for a retry may come before its turn), and none of it is
-- pending or handed back.
local function is_front(last)
  return not id_after(last, fact_of_group(KEYS[1], ARGV[1], 'last-delivered-id'))
    and #redis.call('XPENDING', KEYS[1], ARGV[1], '-', last, 1) == 0
    and redis.call('ZCOUNT', KEYS[5], '-inf', '(' .. ARGV[3]) == 0
end

-- XDEL walks through a node of the stream for each entry; cutting off the front of the stream costs nearly
-- nothing.
local function remove_all()
  local last, removed = ids[#ids], 0
  if is_front(last) then
    removed = redis.call('XTRIM', KEYS[1], 'MINID', '=', last) + redis.call('XDEL', KEYS[1], last)
  end
  if removed ~= #ids then call_with_ids(ids, 'XDEL', KEYS[1]) end
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

local by_consumer = {}
local call, output = redis.call, KEYS[2]
for n, id in ipairs(ids) do
  if not is_late[n] then
    local i = (n - 1) * STEP
    local consumer = results[i + 2]
    call('XADD', output, '*', 'message_id', results[i + 3], 'consumer_id', consumer, 'inbox_id', id, 'data', results[i + 4])
    by_consumer[consumer] = (by_consumer[consumer] or 0) + 1
  end
end
if redis.call('EXISTS', KEYS[5]) == 1 then call_with_ids(ids, 'ZREM', KEYS[5]) end
redis.call('HINCRBY', KEYS[3], 'processed', #ids - #late)
for consumer, count in pairs(by_consumer) do
  redis.call('HINCRBY', KEYS[4], consumer, count)
end
if ARGV[2] ~= '0' then
  local trimmed = redis.call('XTRIM', KEYS[2], 'MAXLEN', '~', ARGV[2])
  if trimmed > 0 then redis.call('HINCRBY', KEYS[3], 'trimmed', trimmed) end
end
return late
