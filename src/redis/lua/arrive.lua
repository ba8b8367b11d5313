-- Tells a lane at which server a bridge is about to subscribe, and finds out whether its marks are behind the lane.
--
-- KEYS 1 bridge (of the lane)
-- ARGV 1 options: mark (that the caller got when it came there), server (its run id; none on a plain Redis)
-- Returns { 1, ms since the lane knows the server (0 without one), epoch ('' if nothing is written) }; or { 0, mark }: the lane has
-- messages after the caller's mark, or knows another server since then. The caller needs a higher mark than the one in the reply.
--
-- Atomic. All that the lane has is before the mark then, and it takes nothing after the mark that was received at another server
-- (see relay.lua). The second of two same calls changes nothing.
local wrong = wrong_type(KEYS[1], 'hash')
if wrong then return wrong end

local state = redis.call('HMGET', KEYS[1], 'epoch', 'home', 'since', 'home_at')
local mark, now = tonumber(options.mark), now_ms()
local epoch, since, home_at = integer_of(state[1]) or 0, integer_of(state[3]) or 0, integer_of(state[4])
if mark < epoch then return { 0, string.format('%.0f', epoch) } end
if not options.server then return { 1, '0', state[1] or '' } end
if state[2] == options.server and home_at then return { 1, string.format('%.0f', math.max(0, now - home_at)), state[1] or '' } end
if mark <= math.max(epoch, since) then return { 0, string.format('%.0f', math.max(epoch, since)) } end
redis.call('HSET', KEYS[1], 'home', options.server, 'since', options.mark, 'home_at', now)
return { 1, '0', state[1] or '' }
