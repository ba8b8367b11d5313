-- How many entries of a stream come after the position of the group.
--
-- KEYS 1 source  2 bridge
-- ARGV 1 options: none
-- Returns the number; -1 if Redis cannot tell: before 7.0 it does not count what was ever added. 0 it can always tell.
--
-- A script, so that Redis does not send the first and the last entry of the stream, which XINFO replies with.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'hash')
if wrong then return wrong end

local length = redis.call('XLEN', KEYS[1])
local state = redis.call('HMGET', KEYS[2], 'read:' .. KEYS[1], 'passed:' .. KEYS[1])
if length == 0 or not state[1] then return length end
local passed = integer_of(state[2])
local info = by_name(redis.call('XINFO', 'STREAM', KEYS[1]))
if state[1] == info['last-generated-id'] then return 0 end
local added = info['entries-added']
if not added or not passed then return -1 end
-- What was trimmed does not wait.
return math.max(0, math.min(length, added - passed))
