-- Removes dead consumers from the Redis group, those with nothing pending.
--
-- KEYS 1 inbox  2 processed
-- ARGV 1 group  2 least silence in ms  3... ids of the live consumers
-- Returns the ids of the removed.
--
-- Atomic, because XGROUP DELCONSUMER drops what is pending: between a look and a removal in two commands
-- messages would vanish.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'hash')
if wrong then return wrong end

local live = {}
for i = 3, #ARGV do
  live[ARGV[i]] = true
end

local removed = {}
for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for i = 1, #info, 2 do
    consumer[info[i]] = info[i + 1]
  end
  if not live[consumer.name] and consumer.pending == 0 and consumer.idle >= tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer.name)
    redis.call('HDEL', KEYS[2], consumer.name)
    removed[#removed + 1] = consumer.name
  end
end
return removed
