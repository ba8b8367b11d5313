-- Writes a batch of messages to the inbox, or to the packs, and moves the position past them.
--
-- USES append pack-counts keyed hold
-- KEYS 1 bridge  2 inbox  3 counters  4 gaps  5 packs  6 busy  7 held
-- ARGV 1 options: large (of the list), caller, token, from and to (positions, each epoch and offset; no from: no position yet),
--        gap (before the batch: reason; since, ms since 1970, none for when a leader last heard; until, none for now; dropped,
--        messages known to be lost, at most; with lanes an id: one that is recorded is not recorded again), packs (how many
--        messages each pack holds; none: each message is an entry of the inbox),
--        lanes (of a group with lanes: how many are written up to `to`), passed (with lanes: the last gap before `to`; at, a
--        position, and since; of the group a reason, too: it tells that gap if it has no record of it),
--        last (id of the last message that the caller relayed; none if it has just taken the lead), mostAhead (an id may be so
--        many ms ahead of the clock), server (where the messages were received; none on a plain Redis), lateAfter (ms after the
--        bridges came to another server in which its messages are still taken; none for no limit), keys (with order key: that
--        of each message and a line feed; see hold.lua)
--      2... list of the messages, as published; or the packs, one an argument
-- Returns { 1, id of the last message, '' for none } written, { 0 } fenced: another bridge leads, { 2, epoch, offset } the
-- position is elsewhere, { 3 } late: the bridges are at another server, and nothing of this one is taken any more.
--
-- Atomic, because position and inbox must move together. So a resend finds the position moved and
-- writes nothing, a deposed leader finds its token gone, and a Redis that comes back with an older
-- state has both of them older. Without messages, and from the position to itself, it only asks for the position.
--
-- If Redis refuses a message (no higher id is left, a right is withdrawn), what was written is undone by commands that
-- have worked before: then nothing has changed.
local wrong = wrong_type(KEYS[1], 'hash', KEYS[2], 'stream', KEYS[3], 'hash', KEYS[4], 'stream', KEYS[5], 'stream',
  KEYS[6], 'hash', KEYS[7], 'zset')
if wrong then return wrong end

local from, to, gap = options.from or { epoch = '', offset = '' }, options.to, options.gap
local state = redis.call('HMGET', KEYS[1], 'holder', 'token', 'epoch', 'offset', 'heard_at', 'mark')
if state[1] ~= options.caller or state[2] ~= options.token then return { 0 } end
local epoch, offset = state[3] or '', state[4] or ''
if epoch ~= from.epoch or offset ~= from.offset then return { 2, epoch, offset } end
if options.server then
  -- The positions of the server where the bridges are now begin at the mark `since`: those of an earlier one end before it. Its
  -- messages may reach both servers, at different times: later they may come from there.
  -- A lane has the time at which it got to know that, by its own clock.
  local at = redis.call('HMGET', KEYS[1], 'home', 'since', 'home_at')
  local since = at[1] and at[1] ~= options.server and integer_of(at[2])
  local is_late = since and options.lateAfter and now_ms() > (integer_of(at[3]) or since) + options.lateAfter
  if is_late or since and tonumber(to.epoch) >= since then return { 3 } end
end

local counts = options.packs
local messages = counts and {} or packed_list()
local size = #messages
for _, n in ipairs(counts or {}) do
  size = size + n
end
if size > 0 and not options.keys then begin_after(options.last) end

if options.keys and size > 0 then
  name_keys(packs, inbox, KEYS[3], KEYS[1], KEYS[6], KEYS[7])
  try_freeing()
end
count(KEYS[3], 'relayed', size)
local moved = try('HSET', KEYS[1], 'epoch', to.epoch, 'offset', to.offset)
if type(moved) == 'table' then return undo(moved, size) end
local refusal
if counts then
  refusal = add_packs(counts, ARGV, 1, size)
elseif size > 0 and options.keys then
  refusal = add_by_key(messages, keys_in(options.keys))
elseif size > 0 then
  refusal = add_messages(messages)
end
if refusal then
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'offset', offset)
  return undo(refusal, size)
end
local passed = options.passed
local is_known = false
if gap and gap.id then
  -- The reply to an earlier call was lost: only what was dropped since then is new.
  local id, dropped = string.match(redis.call('HGET', KEYS[1], 'told') or '', '^(%S+) (%d+)$')
  is_known = id == gap.id and tonumber(dropped) >= tonumber(gap.dropped)
  if not is_known then redis.call('HSET', KEYS[1], 'told', gap.id .. ' ' .. gap.dropped) end
  if id == gap.id then gap.dropped = string.format('%.0f', tonumber(gap.dropped) - tonumber(dropped)) end
end
if is_known then gap = nil end
if passed then
  local has_epoch, has_offset = string.match(redis.call('HGET', KEYS[1], 'passed') or '', '^(%d+) (%d+) ')
  local ahead = tonumber(passed.at.epoch) - (tonumber(has_epoch) or 0)
  local is_new = ahead > 0 or ahead == 0 and tonumber(passed.at.offset) > (tonumber(has_offset) or -1)
  -- A Redis that came back with an older state may not have the record of a gap, though its position is the same.
  if is_new and passed.reason and not is_known then gap = gap or { reason = passed.reason, since = passed.since, dropped = '0' } end
  if is_new then redis.call('HSET', KEYS[1], 'passed', passed.at.epoch .. ' ' .. passed.at.offset .. ' ' .. passed.since) end
end
if options.lanes then redis.call('HSET', KEYS[1], 'dealt', options.lanes) end
-- A Redis that came back with an older state may not have the mark at which the position begins.
if (integer_of(state[6]) or 0) < tonumber(to.epoch) then redis.call('HSET', KEYS[1], 'mark', to.epoch) end
if gap then
  local now = now_ms()
  -- The number of a mark may stand for the start or the end. It may be ahead of a clock that was put back: then it is now.
  local till = math.min(integer_of(gap['until']) or now, now)
  local since = math.min(integer_of(gap.since or state[5]) or till, till)
  -- The gap counts even if its stream refuses it.
  try('XADD', KEYS[4], 'MAXLEN', '~', 1000, '*', 'from', string.format('%.0f', since), 'to', string.format('%.0f', till),
    'reason', gap.reason, 'dropped', gap.dropped, 'bridge', options.caller)
  count(KEYS[3], 'gaps', 1)
  if gap.dropped ~= '0' then count(KEYS[3], 'dropped', gap.dropped) end
end
return { 1, written[#written] or '' }
