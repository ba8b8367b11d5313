-- Publishes a batch of messages, in order.
--
-- KEYS none
-- ARGV 1 options: channel, sharded (true if it is a sharded one), own (how many of the subscribers belong to the caller)
--      2... the messages, one argument each
-- Returns { least receivers of a message, most, messages without a receiver }, the caller's own left out.
--
-- Not for atomicity but for speed: one command and one reply per batch instead of one per message. Sent twice, it
-- publishes twice.
local own = tonumber(options.own)
local least, most, unheard = nil, 0, 0
for i = 2, #ARGV do
  local heard = options.sharded and redis.call('SPUBLISH', options.channel, ARGV[i])
    or redis.call('PUBLISH', options.channel, ARGV[i])
  local receivers = math.max(0, heard - own)
  least = math.min(least or receivers, receivers)
  most = math.max(most, receivers)
  if receivers == 0 then unheard = unheard + 1 end
end
return { least or 0, most, unheard }
