-- Removes dead consumers with nothing pending from the Redis group.
--
-- KEYS 1 inbox  2 processed
-- ARGV 1 options: group, silence (least silence in ms), live (ids of the live consumers)
-- Returns the ids of the removed.
--
-- Atomic, because XGROUP DELCONSUMER drops pending entries: between a check and a removal in two commands
-- messages would vanish. A consumer goes last: if Redis refuses a command, the next call finds it again.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'hash')
if wrong then return wrong end

local live = {}
for _, id in ipairs(options.live) do
  live[id] = true
end

local removed = {}
for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], options.group)) do
  local consumer = by_name(flat)
  if not live[consumer.name] and consumer.pending == 0 and consumer.idle >= tonumber(options.silence) then
    redis.call('HDEL', KEYS[2], consumer.name)
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], options.group, consumer.name)
    removed[#removed + 1] = consumer.name
  end
end
return removed
