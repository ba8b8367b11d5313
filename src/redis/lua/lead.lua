-- Gives the right to write to a lane to the bridge that leads.
--
-- KEYS 1 bridge (of the lane)
-- ARGV 1 options: caller, token (of its lead)
-- Returns { 1, epoch, offset, the last gap that it has passed } ('' for what is not there) or, if a bridge with a higher token has it, { 0, token }.
--
-- Atomic, so that after it no earlier leader writes there: the position in the reply is where the lane is. Sent twice, the second
-- changes nothing.
local wrong = wrong_type(KEYS[1], 'hash')
if wrong then return wrong end

local state = redis.call('HMGET', KEYS[1], 'holder', 'token', 'epoch', 'offset', 'passed')
local theirs, ours = integer_of(state[2]) or 0, tonumber(options.token)
if theirs > ours or theirs == ours and state[1] ~= options.caller then return { 0, string.format('%.0f', theirs) } end
redis.call('HSET', KEYS[1], 'holder', options.caller, 'token', options.token)
return { 1, state[3] or '', state[4] or '', state[5] or '' }
