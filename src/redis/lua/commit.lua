-- Settles a batch of results: each entry leaves the inbox and its result is written to the output.
--
-- KEYS 1 inbox  2 output  3 counters  4 processed  5 retry
-- ARGV 1 group  2 trim the output to about so many entries, or 0
--      3... four per result: inbox id, consumer id, message id, data
-- Returns the inbox ids that were settled before, by whomever: for these nothing was written.
--
-- Atomic, because this is where "one result" is decided: the inbox holds the unsettled and nothing
-- else, so whoever removes the entry writes the result, whoever holds it, and however often it is sent.
-- Removing comes first: it needs no memory, and after a script's first write Redis no longer refuses
-- it for want of memory, so a result is never half written.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream', KEYS[3], 'hash', KEYS[4], 'hash', KEYS[5], 'zset')
if wrong then return wrong end

local settled, late, by_consumer = {}, {}, {}
for i = 3, #ARGV, 4 do
  local id, consumer = ARGV[i], ARGV[i + 1]
  if redis.call('XDEL', KEYS[1], id) == 1 then
    redis.call('XADD', KEYS[2], '*', 'message_id', ARGV[i + 2], 'consumer_id', consumer, 'inbox_id', id, 'data', ARGV[i + 3])
    settled[#settled + 1] = id
    by_consumer[consumer] = (by_consumer[consumer] or 0) + 1
  else
    late[#late + 1] = id
  end
end
if #settled == 0 then return late end

call_with_ids(settled, 'XACK', KEYS[1], ARGV[1])
if redis.call('EXISTS', KEYS[5]) == 1 then call_with_ids(settled, 'ZREM', KEYS[5]) end
redis.call('HINCRBY', KEYS[3], 'processed', #settled)
for consumer, count in pairs(by_consumer) do
  redis.call('HINCRBY', KEYS[4], consumer, count)
end
if ARGV[2] ~= '0' then
  local trimmed = redis.call('XTRIM', KEYS[2], 'MAXLEN', '~', ARGV[2])
  if trimmed > 0 then redis.call('HINCRBY', KEYS[3], 'trimmed', trimmed) end
end
return late
