-- Signs of life: notes the heartbeats of a process's consumers, forgets the silent and those that leave,
-- and makes the list equal to the live ones.
--
-- KEYS 1 consumer list  2 heartbeats  3 members
-- ARGV 1 silence in ms after which a consumer is dead  2 JSON about this process
--      3 how many ids beat  4... ids that beat, then ids that leave
-- Returns { live, found dead }, two lists of ids.
--
-- Atomic, so that nobody ever sees the list half rebuilt. All three keys expire with the last heartbeat:
-- when every process is killed at once, nobody is left to tidy up.
local wrong = wrong_type(KEYS[1], 'list', KEYS[2], 'zset', KEYS[3], 'hash')
if wrong then return wrong end

local now, silence, beating = now_ms(), tonumber(ARGV[1]), tonumber(ARGV[3])
for i = 4, #ARGV do
  if i < 4 + beating then
    redis.call('ZADD', KEYS[2], now, ARGV[i])
    redis.call('HSET', KEYS[3], ARGV[i], ARGV[2])
  else
    redis.call('ZREM', KEYS[2], ARGV[i])
    redis.call('HDEL', KEYS[3], ARGV[i])
  end
end

local dead = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - silence)
for _, id in ipairs(dead) do
  redis.call('ZREM', KEYS[2], id)
  redis.call('HDEL', KEYS[3], id)
end
-- A heartbeat from the future was noted before Redis's clock was put back: it counts from now on.
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
