-- Gives up the lead, so that another bridge takes it at once.
--
-- KEYS 1 bridge
-- ARGV 1 options: caller, token, position (as the caller knows it, epoch and offset; none before the first relay)
-- Returns { 1 } given up, { 0 } fenced: another bridge leads, { 2, epoch, offset } the position is elsewhere.
--
-- Atomic, so that the caller gives up its own lead and not that of its successor. The lead is kept if the
-- position is not the one that the caller left: a Redis that came back with an older state lacks what the caller has.
local wrong = wrong_type(KEYS[1], 'hash')
if wrong then return wrong end

local left = options.position or { epoch = '', offset = '' }
local state = redis.call('HMGET', KEYS[1], 'holder', 'token', 'epoch', 'offset')
if state[1] ~= options.caller or state[2] ~= options.token then return { 0 } end
local epoch, offset = state[3] or '', state[4] or ''
if epoch ~= left.epoch or offset ~= left.offset then return { 2, epoch, offset } end
redis.call('HSET', KEYS[1], 'holder', '')
return { 1 }
