-- Settles entries as dead letters: each leaves the inbox and is kept with its reason.
--
-- KEYS 1 inbox  2 dead  3 counters  4 retry
-- ARGV 1 group
--      2... seven per entry: inbox id, consumer id, message, reason, error, attempts, 1 if an attempt failed else 0
-- Returns the inbox ids that were settled before, by whomever: for these nothing was written.
--
-- Atomic for the same reason as commit: whoever removes the entry from the inbox settles it.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream', KEYS[3], 'hash', KEYS[4], 'zset')
if wrong then return wrong end

local settled, late, failed = {}, {}, 0
for i = 2, #ARGV, 7 do
  local id = ARGV[i]
  if redis.call('XDEL', KEYS[1], id) == 1 then
    redis.call('XADD', KEYS[2], '*', 'message', ARGV[i + 2], 'reason', ARGV[i + 3], 'error', ARGV[i + 4],
      'attempts', ARGV[i + 5], 'consumer_id', ARGV[i + 1], 'inbox_id', id)
    settled[#settled + 1] = id
    failed = failed + ARGV[i + 6]
  else
    late[#late + 1] = id
  end
end
if #settled == 0 then return late end

call_with_ids(settled, 'XACK', KEYS[1], ARGV[1])
call_with_ids(settled, 'ZREM', KEYS[4])
redis.call('HINCRBY', KEYS[3], 'dead', #settled)
if failed > 0 then redis.call('HINCRBY', KEYS[3], 'failed', failed) end
return late
