-- Deletes dead letters, up to and including one of them.
--
-- KEYS 1 dead  2 counters  3 previews
-- ARGV 1 options: last (id of the last one)
-- Returns how many.
--
-- Atomic, so that the number of purged dead letters is known: they stay counted as dead, so verify does not
-- take them for lost ones. Sent twice, the second finds nothing to delete. If Redis refuses a command, nothing is deleted:
-- the commands after the first deletion are tried before it, in a form that changes nothing.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'hash', KEYS[3], 'stream')
if wrong then return wrong end

redis.call('XDEL', KEYS[1], '0-0')
count(KEYS[2], 'purged', 0)
local purged = redis.call('XTRIM', KEYS[1], 'MINID', options.last) + redis.call('XDEL', KEYS[1], options.last)
redis.pcall('XTRIM', KEYS[3], 'MINID', options.last)
redis.pcall('XDEL', KEYS[3], options.last)
if purged > 0 then count(KEYS[2], 'purged', purged) end
return purged
