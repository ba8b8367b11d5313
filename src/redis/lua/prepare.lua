-- Makes the group ready: checks every key's type and creates the consumer group.
--
-- KEYS 1 inbox  2 output  3 dead  4 retry  5 counters  6 bridge  7 processed  8 gaps
-- ARGV 1 group
-- Returns 1 where the group was created, 0 where it was there.
--
-- Atomic, so that of two processes that start together one creates it. It reads from 0, never from $:
-- the inbox holds the unsettled and nothing else, so all that is in it is still to be processed. That includes
-- what waits for a retry: it is forgotten there, or it would be processed again when its time comes.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream', KEYS[3], 'stream', KEYS[4], 'zset',
  KEYS[5], 'hash', KEYS[6], 'hash', KEYS[7], 'hash', KEYS[8], 'stream')
if wrong then return wrong end

local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
if made.err then
  if string.find(made.err, 'BUSYGROUP', 1, true) then return 0 end
  return made
end
redis.call('DEL', KEYS[4])
return 1
