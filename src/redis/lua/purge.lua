-- Deletes dead letters, up to one of them.
--
-- KEYS 1 dead  2 counters
-- ARGV 1 id of the last one
-- Returns how many.
--
-- Atomic, so that the number of the purged is known: they stay counted as dead, and verify can tell them
-- from lost ones. Sent twice, the second finds nothing to delete.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'hash')
if wrong then return wrong end

local purged = redis.call('XTRIM', KEYS[1], 'MINID', ARGV[1]) + redis.call('XDEL', KEYS[1], ARGV[1])
if purged > 0 then redis.call('HINCRBY', KEYS[2], 'purged', purged) end
return purged
