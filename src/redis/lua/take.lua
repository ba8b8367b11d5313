-- Takes the lead, if the lease is still as the caller saw it.
--
-- KEYS 1 bridge
-- ARGV 1 options: caller, token and beat (as the caller saw them), above (the token must be higher: a lane has this one, because
--        this Redis came back with an older state; none without lanes)
-- Returns { 1, token, epoch, offset, heard_at, known } ('' for what is not there yet; known is '1' if there was a position,
-- even one that could not be read), or { 0 }.
--
-- Atomic compare-and-set on (token, beat): two followers that found the leader silent cannot both take
-- it, and a leader that beat once more keeps it. Sent twice, the second finds its own lease and returns it.
local wrong = wrong_type(KEYS[1], 'hash')
if wrong then return wrong end

local state = redis.call('HMGET', KEYS[1], 'holder', 'token', 'beat', 'epoch', 'offset', 'heard_at')
local holder, token, beat = state[1] or '', state[2] or '0', state[3] or '0'

if holder ~= options.caller then
  if token ~= options.token or beat ~= options.beat then return { 0 } end
  token = tostring(redis.call('HINCRBY', KEYS[1], 'token', 1))
  redis.call('HSET', KEYS[1], 'holder', options.caller, 'beat_at', now_ms())
  -- For the very first leader, which may be gone before its first mark.
  redis.call('HSETNX', KEYS[1], 'heard_at', now_ms())
end
local above = integer_of(options.above)
if above and (integer_of(token) or 0) <= above then
  token = string.format('%.0f', above + 1)
  redis.call('HSET', KEYS[1], 'token', token)
end
return { 1, token, state[4] or '', state[5] or '', state[6] or '', state[4] and '1' or '' }
