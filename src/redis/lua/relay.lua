-- Writes a batch of messages to the inbox and moves the position past them.
--
-- KEYS 1 bridge  2 inbox  3 counters  4 gaps
-- ARGV 1 caller  2 token  3 from epoch  4 from offset ('' each: no position yet)  5 to epoch  6 to offset
--      7 reason of a gap before the batch, or ''  8 its start (ms since 1970; the number of a mark, which may be ahead of
--        a clock that was put back, is now at most), or '' for when a leader last heard
--      9 messages known to be lost in the gap, at most
--      10... the messages, as published: an array of MessagePack, cut into pieces
-- Returns { 1 } written, { 0 } fenced: the lead is another's, { 2, epoch, offset } the position is elsewhere.
--
-- Atomic, because position and inbox must move together: then a resend finds the position moved and
-- writes nothing, a deposed leader finds its token gone, and a Redis that comes back with an older
-- state has both of them older. Without messages, and from the position to itself, it only asks for the position.
local wrong = wrong_type(KEYS[1], 'hash', KEYS[2], 'stream', KEYS[3], 'hash', KEYS[4], 'stream')
if wrong then return wrong end

local state = redis.call('HMGET', KEYS[1], 'holder', 'token', 'epoch', 'offset', 'heard_at')
if state[1] ~= ARGV[1] or state[2] ~= ARGV[2] then return { 0 } end
local epoch, offset = state[3] or '', state[4] or ''
if epoch ~= ARGV[3] or offset ~= ARGV[4] then return { 2, epoch, offset } end

local messages = unpacked(10)
local call, inbox = redis.call, KEYS[2]
for i = 1, #messages do
  call('XADD', inbox, '*', 'message', messages[i])
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[5], 'offset', ARGV[6])
if #messages > 0 then redis.call('HINCRBY', KEYS[3], 'relayed', #messages) end
if ARGV[7] ~= '' then
  local now = now_ms()
  local from = math.min(tonumber(ARGV[8] ~= '' and ARGV[8] or state[5] or now), now)
  redis.call('XADD', KEYS[4], 'MAXLEN', '~', 1000, '*', 'from', string.format('%.0f', from), 'to', now,
    'reason', ARGV[7], 'dropped', ARGV[9], 'bridge', ARGV[1])
  redis.call('HINCRBY', KEYS[3], 'gaps', 1)
  if ARGV[9] ~= '0' then redis.call('HINCRBY', KEYS[3], 'dropped', ARGV[9]) end
end
return { 1 }
