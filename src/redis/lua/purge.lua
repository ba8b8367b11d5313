-- Deletes all dead letters.
--
-- KEYS 1 dead  2 counters
-- Returns how many.
--
-- Atomic, so that the number of the purged is known: they stay counted as dead, and verify can tell them
-- from lost ones.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'hash')
if wrong then return wrong end

local purged = redis.call('XTRIM', KEYS[1], 'MAXLEN', 0)
if purged > 0 then redis.call('HINCRBY', KEYS[2], 'purged', purged) end
return purged
