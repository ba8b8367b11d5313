-- Makes the group ready: checks the type of every key and creates the consumer group, of the inbox and of the packs.
--
-- KEYS 1 inbox  2 output  3 dead  4 retry  5 counters  6 bridge  7 processed  8 gaps  9 packs  10 parked  11 busy  12 held
--      13 halted
-- ARGV 1 options: group, consumerList, source (kind: channel, list or stream; name; of a list from, the end that is taken from; sharded,
--        if a channel is; none if the caller does not relay), outputType, order, orderKey (none without a key), record (none,
--        redis or postgres), lanes (how many; none for the keys of one of several lanes)
-- Returns 1 if a group was created, 0 if both existed. Refuses an output that a running group with other names uses, or with
-- another order or record.
--
-- Atomic, so that of two processes that start together one creates it. The group reads from 0, never from $:
-- the inbox holds the unsettled entries and nothing else, so all of them are still to be processed. That includes
-- entries that wait for a retry: they leave the retry zset, or they would be processed again when their time comes. They leave
-- it before the group is created: if Redis refuses to create it, the next call begins again.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], options.outputType, KEYS[3], 'stream', KEYS[4], 'zset',
  KEYS[5], 'hash', KEYS[6], 'hash', KEYS[7], 'hash', KEYS[8], 'stream', KEYS[9], 'stream',
  KEYS[10], 'zset', KEYS[11], 'hash', KEYS[12], 'zset', KEYS[13], 'zset')
if wrong then return wrong end

local state = by_name(redis.call('HGETALL', KEYS[6]))

-- Whether the group runs: a bridge marks ten times a second, and its seat shows when; a process that pulls from a list or a stream
-- does so once a second.
local function in_use()
  local now = now_ms()
  for name, value in pairs(state) do
    local seen = string.sub(name, 1, 5) == 'seat:' or name == 'pulled_at'
    if seen and math.abs(now - (tonumber(value) or 0)) < 2000 then return true end
  end
  return false
end

local function source_text(kind, name, from, sharded)
  return kind .. ' ' .. name .. (from == 'right' and ', taken from the right' or '') .. (sharded == '1' and ', sharded' or '')
end

-- Two sources in one inbox would each move the position past the messages of the other, and two Redis groups on it would each
-- process everything. With two lists of consumers, neither has them all, and each process computes other shares. A process with another order or record, or none, would let out results that have to wait.
local function refuse(what)
  return redis.error_reply('KEYTYPE ' .. KEYS[2] .. ' is the output of a running group with ' .. what)
end
for _, name in ipairs({ 'group', 'consumerList', 'outputType', 'order', 'orderKey', 'record' }) do
  local ours, theirs = options[name], state[name]
  if ours and theirs and theirs ~= ours and in_use() then return refuse(name .. ' ' .. theirs) end
end
-- A group of one lane has no such field. The caller has seen that nothing waits in the old lanes.
local lanes = state.lanes or '1'
if options.lanes and options.lanes ~= lanes then
  -- A Redis that came back with nothing knows of no lanes, though the group runs.
  if state.group and in_use() then return refuse('lanes ' .. lanes) end
  -- Lanes that are no more keep their results: who reads the group from outside finds them by the most that there ever were.
  local most = math.max(tonumber(state.mostLanes) or 1, tonumber(lanes) or 1, tonumber(options.lanes))
  redis.call('HSET', KEYS[6], 'lanes', options.lanes, 'mostLanes', most)
  -- All lanes begin where the group is, also where it had as many once before.
  redis.call('HDEL', KEYS[6], 'dealt')
end
local source = options.source
if source then
  local sharded = source.sharded and '1' or ''
  local ours = source_text(source.kind, source.name, source.from, sharded)
  -- An older version knew channels only.
  local theirs = state.channel and source_text(state.source or 'channel', state.channel, state.listFrom, state.sharded)
  if theirs and theirs ~= ours then
    if in_use() then return refuse(theirs) end
    -- The next pull looks for the last id.
    redis.call('HDEL', KEYS[6], 'last')
  end
  redis.call('HSET', KEYS[6], 'channel', source.name, 'source', source.kind, 'listFrom', source.from or '',
    'sharded', sharded)
end
-- A reader from outside knows by this what the output is, also while there is none, and which messages are older than its order.
if state.order ~= options.order or state.orderKey ~= options.orderKey then
  redis.call('HSET', KEYS[6], 'orderSince', string.format('%.0f', now_ms()))
end
redis.call('HSET', KEYS[6], 'group', options.group, 'consumerList', options.consumerList, 'outputType', options.outputType, 'order', options.order)
redis.call('HDEL', KEYS[6], 'orderKey')
if options.orderKey then redis.call('HSET', KEYS[6], 'orderKey', options.orderKey) end
if options.record then redis.call('HSET', KEYS[6], 'record', options.record) end

-- The error of a stream without the group; nil if it has it.
local function missing(stream)
  return redis.pcall('XPENDING', stream, options.group, '-', '+', 1).err
end

local of_packs, of_inbox = missing(KEYS[9]), missing(KEYS[1])
for _, err in ipairs({ of_packs or 'NOGROUP', of_inbox or 'NOGROUP' }) do
  if not string.find(err, 'NOGROUP', 1, true) then return { err = err } end
end

local function create(stream)
  redis.call('XGROUP', 'CREATE', stream, options.group, '0', 'MKSTREAM')
end

if of_packs then create(KEYS[9]) end
if not of_inbox then return of_packs and 1 or 0 end
redis.call('DEL', KEYS[4])
create(KEYS[1])
return 1
