-- Settles packs of which every message has a result. It is a command of a transaction, and the commands after it write all
-- results but the first (see protocol/transaction.ts): a plain XADD costs half of one in a script.
--
-- USES pack-counts packs
-- KEYS 1 packs  2 inbox  3 counters  4 output  5 processed  6 open
-- ARGV 1 options: group, maxLength (trim the output to about so many entries; 0 for never), packs (list of id, consumerId)
--      2, 3 message id and data of the first result
-- Returns 1 if the packs are settled. Returns 0 if settle.lua has to find out what becomes of each: one was settled before, or
-- is here twice, or the ids of the output may end. With 0, as with an error, nothing is settled and nothing is written.
--
-- The transaction is atomic, but Redis does not roll back, and a command that is refused does not stop those after it. So
-- this script alone decides. It writes the first result, removes the packs, and gives the output the name `open`, which no other
-- transaction has ever had. The XADDs after it, NOMKSTREAM, go to that name: if the packs are not settled they find no stream,
-- and write nothing. The last command gives the output its name back.
--
-- Nothing may refuse the commands after this one. Rights, memory, the state of disks and replicas, and the clock by which keys
-- expire are the same for a whole transaction. The rest is tried here, before the packs are removed: a command with the same
-- keys, in a form that changes nothing, and the first result. Its id shows that ids for the others are left.
--
-- If Redis refuses MULTI, it carries out each command alone, and may stop after this script. The XREAD before it prevents that:
-- outside of a transaction it waits for ever, and this script is not reached. So the user must be allowed to send XREAD: that
-- is tried here.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream', KEYS[3], 'hash', KEYS[4], 'stream', KEYS[5], 'hash',
  KEYS[6], 'stream')
if wrong then return wrong end

local LAST = '18446744073709551615-'
local output, open = KEYS[4], KEYS[6]
local ids, known, total, of_consumer = {}, {}, 0, {}
for i, pack in ipairs(options.packs) do
  local id, consumer, n = pack.id, pack.consumerId, count_in(pack.id)
  if known[id] or not is_unsettled(KEYS[1], options.group, id) then return 0 end
  ids[i], known[id], total = id, true, total + n
  of_consumer[consumer] = (of_consumer[consumer] or 0) + n
end

local first, counted = nil, {}

local function count_ahead(key, field, by)
  if count(key, field, by) then counted[#counted + 1] = { key, field, by } end
end

local function undo()
  if first then redis.call('XDEL', output, first) end
  for _, one in ipairs(counted) do
    count(one[1], one[2], -one[3])
  end
end

-- Returns whether the output is open for the other results. Raises what Redis refuses.
local function open_output()
  try_removal()
  redis.call('XDEL', output, '0-0')
  if options.maxLength ~= '0' then redis.call('XTRIM', output, 'MAXLEN', '~', '9223372036854775807') end
  redis.call('XREAD', 'COUNT', 1, 'STREAMS', KEYS[1], LAST .. '18446744073709551615')
  redis.call('XADD', open, 'NOMKSTREAM', '*', 'message_id', '')
  local unnamed = redis.pcall('RENAMENX', open, output)
  if not string.find(unnamed.err, 'no such key', 1, true) then error(unnamed) end

  count_ahead(KEYS[3], 'processed', total)
  for consumer, messages in pairs(of_consumer) do
    count_ahead(KEYS[5], consumer, messages)
  end
  local pack = options.packs[1]
  local added = redis.pcall('XADD', output, '*', 'message_id', ARGV[2], 'consumer_id', pack.consumerId,
    'inbox_id', identity_in(pack.id, 1), 'data', ARGV[3])
  if type(added) == 'table' then error(not_added(output, added)) end
  first = added
  return string.sub(first, 1, #LAST) ~= LAST and redis.call('RENAMENX', output, open) == 1
end

local is_done, is_open = pcall(open_output)
if not is_done or not is_open then
  undo()
  return is_done and 0 or refusal_of(is_open)
end
call_with_ids(ids, 'XACK', KEYS[1], options.group)
call_with_ids(ids, 'XDEL', KEYS[1])
count(KEYS[3], 'packed', -total)
if options.maxLength ~= '0' then
  -- The other results come after this.
  local most = string.format('%.0f', math.max(0, options.maxLength - total + 1))
  local trimmed = redis.call('XTRIM', open, 'MAXLEN', '~', most)
  if trimmed > 0 then count(KEYS[3], 'trimmed', trimmed) end
end
return 1
