-- The sums of a whole group, all of them true at one moment, without the numbers of each consumer.
--
-- USES pack-counts backlog
-- KEYS 1 inbox  2 dead  3 retry  4 counters  5 bridge  6 packs  7 held  8 halted  9 parked
-- ARGV 1 options: group, returnedBelow (scores in the retry zset below this are not times)
-- Returns { now, unsettled messages, id of the oldest, pending, retrying, counters, bridge, dead letters kept, held,
--           messages that stop an order, parked, id of the oldest that waits for its next attempt, when the next one is due }
--
-- Atomic, because sums over several keys mean nothing otherwise. Costs the same, however many messages and dead letters there
-- are, and a little for each pack that a consumer holds: every process that serves metrics reads it every second.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream', KEYS[3], 'zset', KEYS[4], 'hash', KEYS[5], 'hash',
  KEYS[6], 'stream', KEYS[7], 'zset', KEYS[8], 'zset', KEYS[9], 'zset')
if wrong then return wrong end

local held = redis.call('ZCARD', KEYS[7])
local returned = redis.call('ZCOUNT', KEYS[3], '-inf', '(' .. options.returnedBelow)
local oldest, oldest_retry, due = oldest_of_both(KEYS[1], KEYS[6], options.group, KEYS[3], options.returnedBelow)
return {
  now_ms(),
  redis.call('XLEN', KEYS[1]) + messages_in_packs(KEYS[6], KEYS[4]) + held,
  oldest,
  -- XPENDING would count by consumer.
  (group_info(KEYS[1], options.group) or { pending = 0 }).pending + pending_in_packs(KEYS[6], options.group),
  redis.call('ZCARD', KEYS[3]) - returned,
  redis.call('HGETALL', KEYS[4]),
  redis.call('HGETALL', KEYS[5]),
  redis.call('XLEN', KEYS[2]),
  held,
  redis.call('ZCARD', KEYS[8]),
  redis.call('ZCARD', KEYS[9]),
  oldest_retry,
  due,
}
