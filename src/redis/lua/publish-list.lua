-- Appends a batch of messages to a list, in order.
--
-- KEYS 1 source
-- ARGV 1 options: toLeft (true: to the left end of the list)
--      2... the messages, one argument each
-- Returns how many messages the list has.
--
-- For speed, as publish. Sent twice, it appends twice. The type is checked first, so a batch is appended whole or not at all.
local wrong = wrong_type(KEYS[1], 'list')
if wrong then return wrong end

local length
for first = 2, #ARGV, 1000 do
  local last = math.min(first + 999, #ARGV)
  if options.toLeft then
    length = redis.call('LPUSH', KEYS[1], unpack(ARGV, first, last))
  else
    length = redis.call('RPUSH', KEYS[1], unpack(ARGV, first, last))
  end
end
return length
