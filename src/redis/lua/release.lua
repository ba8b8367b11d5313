-- Gives up the lead, so that another bridge takes it at once.
--
-- KEYS 1 bridge
-- ARGV 1 caller  2 token  3 epoch  4 offset of the position as the caller knows it ('' each: none)
-- Returns { 1 } given up, { 0 } fenced: the lead is another's, { 2, epoch, offset } the position is elsewhere.
--
-- Atomic, so that the lead which is given up is the caller's own and not its successor's. It is kept where the
-- position is not the one the caller left: a Redis that came back with an older state lacks what the caller has.
local wrong = wrong_type(KEYS[1], 'hash')
if wrong then return wrong end

local state = redis.call('HMGET', KEYS[1], 'holder', 'token', 'epoch', 'offset')
if state[1] ~= ARGV[1] or state[2] ~= ARGV[2] then return { 0 } end
local epoch, offset = state[3] or '', state[4] or ''
if epoch ~= ARGV[3] or offset ~= ARGV[4] then return { 2, epoch, offset } end
redis.call('HSET', KEYS[1], 'holder', '')
return { 1 }
