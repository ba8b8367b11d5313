-- Records that messages may have been missed.
--
-- KEYS 1 gaps  2 counters
-- ARGV 1 options: caller, gap (reason; since, ms since 1970; dropped, messages known to be lost, at most)
-- Returns 1.
--
-- Atomic, so that the counter has what the stream has. Sent twice, it records two gaps. A gap that its stream refuses counts all
-- the same, as in relay: what was written is not undone, so an error would have the caller send it again, and it would count each time.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'hash')
if wrong then return wrong end

local gap, now = options.gap, now_ms()
-- The number of a mark may stand for the start. It may be ahead of a clock that was put back: then it is now.
local since = math.min(integer_of(gap.since) or now, now)
count(KEYS[2], 'gaps', 1)
if gap.dropped ~= '0' then count(KEYS[2], 'dropped', gap.dropped) end
redis.pcall('XADD', KEYS[1], 'MAXLEN', '~', 1000, '*', 'from', string.format('%.0f', since), 'to', now,
  'reason', gap.reason, 'dropped', gap.dropped, 'bridge', options.caller)
return 1
