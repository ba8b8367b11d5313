-- Gives up the lead where the caller has it, and a seat, so that another takes them at once.
--
-- KEYS 1 bridge
-- ARGV 1 caller  2 token, or ''  3 seat, or ''
-- Returns 1 where the lead was given up, else 0.
--
-- Atomic, so that the lead which is given up is the caller's own and not its successor's.
local wrong = wrong_type(KEYS[1], 'hash')
if wrong then return wrong end

redis.call('HDEL', KEYS[1], 'seat:' .. ARGV[3])
local state = redis.call('HMGET', KEYS[1], 'holder', 'token')
if state[1] ~= ARGV[1] or state[2] ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'holder', '')
return 1
