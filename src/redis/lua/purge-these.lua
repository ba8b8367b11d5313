-- Deletes some dead letters.
--
-- KEYS 1 dead  2 counters  3 previews
-- ARGV 1 options: ids (of dead letters, at most about 1,000)
-- Returns the ids that were found and deleted.
--
-- Atomic for the same reason as purge. Sent twice, the second finds nothing to delete. If Redis refuses a command, nothing is
-- deleted: the commands after the first deletion are tried before it, in a form that changes nothing.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'hash', KEYS[3], 'stream')
if wrong then return wrong end

redis.call('XDEL', KEYS[1], '0-0')
count(KEYS[2], 'purged', 0)
local purged = {}
for _, id in ipairs(options.ids) do
  if redis.call('XDEL', KEYS[1], id) == 1 then purged[#purged + 1] = id end
end
pcall(call_with_ids, purged, 'XDEL', KEYS[3])
if #purged > 0 then count(KEYS[2], 'purged', #purged) end
return purged
