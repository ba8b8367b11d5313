-- Publishes a batch of messages, in order.
--
-- KEYS none
-- ARGV 1 channel  2 how many of the subscribers are the caller's own  3... the messages
-- Returns { least receivers of a message, most, messages that nobody received }, the caller's own left out.
--
-- Not for atomicity but for speed: one command and one reply a batch instead of one a message. Sent twice, it
-- publishes twice.
local own = tonumber(ARGV[2])
local least, most, unheard = nil, 0, 0
for i = 3, #ARGV do
  local receivers = math.max(0, redis.call('PUBLISH', ARGV[1], ARGV[i]) - own)
  least = math.min(least or receivers, receivers)
  most = math.max(most, receivers)
  if receivers == 0 then unheard = unheard + 1 end
end
return { least or 0, most, unheard }
