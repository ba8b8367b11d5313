-- The sums of a whole group, all of them true at one moment, without what each consumer has.
--
-- KEYS 1 inbox  2 dead  3 retry  4 counters  5 bridge
-- ARGV 1 group  2 scores in the retry zset below this are not times
-- Returns { now, entries in inbox, oldest inbox id, pending, retrying, counters, bridge, dead letters kept }
--
-- Atomic, because sums over several keys mean nothing otherwise. Costs O(1), however many messages, dead letters
-- and consumers there are: it is read every second, by every process that serves metrics.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream', KEYS[3], 'zset', KEYS[4], 'hash', KEYS[5], 'hash')
if wrong then return wrong end

local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
local returned = redis.call('ZCOUNT', KEYS[3], '-inf', '(' .. ARGV[2])
return {
  now_ms(),
  redis.call('XLEN', KEYS[1]),
  oldest and oldest[1] or '',
  -- XPENDING would tell it by consumer.
  (facts_of_group(KEYS[1], ARGV[1]) or { pending = 0 }).pending,
  redis.call('ZCARD', KEYS[3]) - returned,
  redis.call('HGETALL', KEYS[4]),
  redis.call('HGETALL', KEYS[5]),
  redis.call('XLEN', KEYS[2]),
}
