-- Records the heartbeats of a process's consumers, removes the dead and those that leave, and makes the list equal to
-- the live ones.
--
-- KEYS 1 consumerList  2 heartbeats  3 members
-- ARGV 1 options: silence (ms after which a consumer is dead), member (JSON about this process), beating and leaving
--        (lists of ids)
-- Returns { live, found dead }, two lists of ids.
--
-- Atomic, so that no client sees the list half rebuilt. All three keys expire with the last heartbeat: if every process
-- is killed at once, no process is left to clean up.
local wrong = wrong_type(KEYS[1], 'list', KEYS[2], 'zset', KEYS[3], 'hash')
if wrong then return wrong end

local now, silence = now_ms(), tonumber(options.silence)
for _, id in ipairs(options.beating) do
  redis.call('ZADD', KEYS[2], now, id)
  redis.call('HSET', KEYS[3], id, options.member)
end
for _, id in ipairs(options.leaving) do
  redis.call('ZREM', KEYS[2], id)
  redis.call('HDEL', KEYS[3], id)
end

local dead = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - silence)
for _, id in ipairs(dead) do
  redis.call('ZREM', KEYS[2], id)
  redis.call('HDEL', KEYS[3], id)
end
-- A heartbeat from the future was recorded before the clock of Redis was put back: it counts from now on.
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. now, '+inf')) do
  redis.call('ZADD', KEYS[2], now, id)
end

local live = redis.call('ZRANGE', KEYS[2], 0, -1)
table.sort(live)
local listed = redis.call('LRANGE', KEYS[1], 0, -1)
if table.concat(listed, '\n') ~= table.concat(live, '\n') then
  redis.call('DEL', KEYS[1])
  call_with_ids(live, 'RPUSH', KEYS[1])
end
for _, key in ipairs(KEYS) do
  redis.call('PEXPIRE', key, silence)
end
return { live, dead }
