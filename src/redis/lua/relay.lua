-- Writes a batch of messages to the inbox, or to the packs, and moves the position past them.
--
-- KEYS 1 bridge  2 inbox  3 counters  4 gaps  5 packs
-- ARGV 1 options: large (of the list), caller, token, from and to (positions, each epoch and offset; no from: no position yet),
--        gap (before the batch: reason; since, ms since 1970, none for when a leader last heard; dropped, messages known
--        to be lost, at most), packs (how many messages each pack holds; none: each message is an entry of the inbox),
--        last (id of the last message that the caller relayed; none if it has just taken the lead), mostAhead (an id may be so
--        many ms ahead of the clock)
--      2... list of the messages, as published; or the packs, one an argument
-- Returns { 1, id of the last message, '' for none } written, { 0 } fenced: another bridge leads, { 2, epoch, offset } the
-- position is elsewhere.
--
-- Atomic, because position and inbox must move together. So a resend finds the position moved and
-- writes nothing, a deposed leader finds its token gone, and a Redis that comes back with an older
-- state has both of them older. Without messages, and from the position to itself, it only asks for the position.
--
-- If Redis refuses a message (no higher id is left, a right is withdrawn), what was written is undone by commands that
-- have worked before: then nothing has changed.
--
-- The ids of the messages are in the order of the channel, whichever stream they are in, and none is given twice. A pack has
-- a block of sequence numbers to itself, from 1,000,000 on (see core/pack.ts); entries of the inbox have smaller ones.
local wrong = wrong_type(KEYS[1], 'hash', KEYS[2], 'stream', KEYS[3], 'hash', KEYS[4], 'stream', KEYS[5], 'stream')
if wrong then return wrong end

local from, to, gap = options.from or { epoch = '', offset = '' }, options.to, options.gap
local state = redis.call('HMGET', KEYS[1], 'holder', 'token', 'epoch', 'offset', 'heard_at', 'mark')
if state[1] ~= options.caller or state[2] ~= options.token then return { 0 } end
local epoch, offset = state[3] or '', state[4] or ''
if epoch ~= from.epoch or offset ~= from.offset then return { 2, epoch, offset } end

local pcall, inbox, packs, counts, written = redis.pcall, KEYS[2], KEYS[5], options.packs or {}, {}
local messages = options.packs and {} or packed_list()
local stream, size = options.packs and packs or inbox, #messages
for _, n in ipairs(counts) do
  size = size + n
end

local function undo(refusal)
  if size > 0 then count(KEYS[3], 'relayed', -size) end
  if #written > 0 then call_with_ids(written, 'XDEL', stream) end
  return refusal
end

local FIRST_BLOCK, BLOCK, EXACT = 1000, 1000, 2 ^ 53

-- The highest id that a stream ever had. Redis replies with two entries, too: so it is asked only if need be.
local function last_id(key)
  local info = pcall('XINFO', 'STREAM', key)
  return info.err and '0-0' or by_name(info)['last-generated-id']
end

-- The millisecond after that of an id; nil if Lua does not count so far.
local function next_ms(ms)
  return tonumber(ms) + 1 < EXACT and string.format('%.0f', tonumber(ms) + 1) or nil
end

-- The id of the last message before these, and the time; read if messages come.
local last, now
if size > 0 then
  now = now_ms()
  last = options.last
  if not last then
    local of_inbox, of_packs = last_id(inbox), last_id(packs)
    last = id_after(of_inbox, of_packs) and of_inbox or of_packs
  end
end

-- Whether a foreign id has put a stream so far ahead that the other one must not follow it: then their order is lost.
local function is_far(ms)
  return tonumber(ms) > now + options.mostAhead
end

-- The id of the first entry of the inbox. Redis gives ids after all others of the inbox. The next millisecond is needed if the
-- last message was in a pack of this one, or if the clock was put back and Redis counts on towards the numbers of packs.
local function first_in_inbox()
  local ms, seq = string.match(last, '(%d+)-(%d+)')
  local next_one = tonumber(ms) >= now and (#seq == 6 or #seq > 6 and not is_far(ms)) and next_ms(ms)
  return next_one and next_one .. '-0' or '*'
end

-- The first block of numbers after an id: its millisecond and its number; nil if there is none.
local function block_after(id)
  local ms, seq = string.match(id, '(%d+)-(%d+)')
  if tonumber(ms) < now then return string.format('%.0f', now), FIRST_BLOCK end
  local block = math.floor(tonumber(seq) / BLOCK) + 1
  if (block + #counts) * BLOCK < EXACT then return ms, math.max(FIRST_BLOCK, block) end
  return next_ms(ms), FIRST_BLOCK
end

local function is_too_small(refusal)
  return type(refusal) == 'table' and string.find(refusal.err, 'equal or smaller', 1, true)
end

-- Writes the pack with this number, in a block of its own; returns the reply.
local function add_pack(ms, block, i)
  local id = string.format('%s-%.0f', ms, block * BLOCK + counts[i])
  return pcall('XADD', packs, id, 'pack', ARGV[i + 1])
end

-- Writes the packs, or all up to the one that is refused; returns the refusal.
local function add_packs()
  local ms, block = block_after(is_far(string.match(last, '%d+')) and '0-0' or last)
  for i = 1, #counts do
    local id = ms and add_pack(ms, block, i) or { err = 'equal or smaller' }
    if i == 1 and is_too_small(id) then
      ms, block = block_after(last_id(packs))
      id = ms and add_pack(ms, block, i) or id
    end
    if type(id) == 'table' then return id end
    written[i], block = id, block + 1
  end
end

local function add_message(id, i)
  return pcall('XADD', inbox, id, 'message', messages[i])
end

-- The same for entries of the inbox.
local function add_messages()
  local first = first_in_inbox()
  for i = 1, #messages do
    local id = add_message(i == 1 and first or '*', i)
    -- The inbox may be ahead of that already.
    if i == 1 and is_too_small(id) then id = add_message('*', i) end
    if type(id) == 'table' then return id end
    written[i] = id
  end
end

count(KEYS[3], 'relayed', size)
local moved = pcall('HSET', KEYS[1], 'epoch', to.epoch, 'offset', to.offset)
if type(moved) == 'table' then return undo(moved) end
local packs_before = options.packs and redis.call('XLEN', packs)
local refusal
if size > 0 then refusal = options.packs and add_packs() or add_messages() end
if refusal then
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'offset', offset)
  return undo(not_added(stream, refusal))
end
-- Without packs the number may be a foreign one, or that of packs which another client deleted.
if packs_before == 0 then
  redis.call('HSET', KEYS[3], 'packed', size)
elseif packs_before then
  count(KEYS[3], 'packed', size)
end
-- A Redis that came back with an older state may not have the mark at which the position begins.
if (integer_of(state[6]) or 0) < tonumber(to.epoch) then redis.call('HSET', KEYS[1], 'mark', to.epoch) end
if gap then
  local since_now = now_ms()
  -- The number of a mark may stand for the start. It may be ahead of a clock that was put back: then it is now.
  local since = math.min(integer_of(gap.since or state[5]) or since_now, since_now)
  -- The gap counts even if its stream refuses it.
  pcall('XADD', KEYS[4], 'MAXLEN', '~', 1000, '*', 'from', string.format('%.0f', since), 'to', since_now,
    'reason', gap.reason, 'dropped', gap.dropped, 'bridge', options.caller)
  count(KEYS[3], 'gaps', 1)
  if gap.dropped ~= '0' then count(KEYS[3], 'dropped', gap.dropped) end
end
return { 1, written[#written] or '' }
