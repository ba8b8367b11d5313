-- Settles entries as dead letters: each leaves the inbox and is kept with its reason.
--
-- KEYS 1 inbox  2 dead  3 counters  4 retry  5 previews
-- ARGV 1 options: group, deadLetters (list of inboxId, consumerId, reason, attempts, failed: whether an attempt failed)
--      2... list with two texts per dead letter: message, error
-- Returns the inbox ids that were settled before: for these nothing was written.
--
-- Atomic for the same reason as commit: only the caller that removes an entry from the inbox settles it.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream', KEYS[3], 'hash', KEYS[4], 'zset',
  KEYS[5], 'stream')
if wrong then return wrong end

-- Bytes of a text in a preview.
local PREVIEW = 2000
local settled, late, failed = {}, {}, 0
local texts = packed_list()
for n, letter in ipairs(options.deadLetters) do
  local id, message, error = letter.inboxId, texts[2 * n - 1], texts[2 * n]
  if redis.call('XDEL', KEYS[1], id) == 1 then
    local dead_id = redis.call('XADD', KEYS[2], '*', 'message', message, 'reason', letter.reason, 'error', error,
      'attempts', letter.attempts, 'consumer_id', letter.consumerId, 'inbox_id', id)
    -- Without it, lists read the dead letters themselves (see dead-letters).
    redis.pcall('XADD', KEYS[5], dead_id, 'message', string.sub(message, 1, PREVIEW), 'reason', letter.reason,
      'error', string.sub(error, 1, PREVIEW), 'attempts', letter.attempts, 'consumer_id', letter.consumerId,
      'inbox_id', id, 'bytes', #message)
    settled[#settled + 1] = id
    if letter.failed then failed = failed + 1 end
  else
    late[#late + 1] = id
  end
end
if #settled == 0 then return late end

call_with_ids(settled, 'XACK', KEYS[1], options.group)
call_with_ids(settled, 'ZREM', KEYS[4])
redis.call('HINCRBY', KEYS[3], 'dead', #settled)
if failed > 0 then redis.call('HINCRBY', KEYS[3], 'failed', failed) end
return late
