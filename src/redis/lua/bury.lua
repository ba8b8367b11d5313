-- Settles entries as dead letters: each leaves the inbox and is kept with its reason.
--
-- KEYS 1 inbox  2 dead  3 counters  4 retry  5 previews
-- ARGV 1 options: large (of the list), group, maxLength (keep about so many dead letters, the newest; 0 for all), deadLetters (list of entryId,
--        inboxId if the message has another one, consumerId, reason, attempts, failed: whether an attempt failed)
--      2... list with two texts per dead letter: message, error
-- Returns { dead letters kept, id, ... }: the ids of entries that were settled before, for which nothing was written.
--
-- Atomic for the same reason as commit: only the caller that removes an entry from the inbox settles it.
--
-- If Redis refuses a command, the dead letters before it are settled, and the others not at all: each is written
-- before its entry is removed, and the other commands are tried first, in a form that changes nothing (see commit).
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream', KEYS[3], 'hash', KEYS[4], 'zset',
  KEYS[5], 'stream')
if wrong then return wrong end

redis.call('XDEL', KEYS[1], '0-0')
redis.call('XACK', KEYS[1], options.group, '0-0')
redis.call('ZREM', KEYS[4], '0-0')
count(KEYS[3], 'dead', 0)
message_of(KEYS[1], '0-1')
if options.maxLength ~= '0' then redis.call('XTRIM', KEYS[2], 'MAXLEN', '~', '9223372036854775807') end

-- Bytes of a text in a preview.
local PREVIEW = 2000
local settled, late, failed, refusal = 0, {}, 0, nil
local texts = packed_list()
for n, letter in ipairs(options.deadLetters) do
  local id, message, error = letter.entryId, texts[2 * n - 1], texts[2 * n]
  local inbox_id = letter.inboxId or id
  if is_unsettled(KEYS[1], options.group, id) then
    local added = redis.pcall('XADD', KEYS[2], '*', 'message', message, 'reason', letter.reason, 'error', error,
      'attempts', letter.attempts, 'consumer_id', letter.consumerId, 'inbox_id', inbox_id)
    if type(added) == 'table' then
      refusal = not_added(KEYS[2], added)
      break
    end
    -- Without it, lists read the dead letters themselves (see dead-letters).
    redis.pcall('XADD', KEYS[5], added, 'message', string.sub(message, 1, PREVIEW), 'reason', letter.reason,
      'error', string.sub(error, 1, PREVIEW), 'attempts', letter.attempts, 'consumer_id', letter.consumerId,
      'inbox_id', inbox_id, 'bytes', #message)
    redis.call('XDEL', KEYS[1], id)
    redis.call('XACK', KEYS[1], options.group, id)
    redis.call('ZREM', KEYS[4], id)
    settled = settled + 1
    if letter.failed then failed = failed + 1 end
  else
    late[#late + 1] = id
  end
end

if settled > 0 then
  count(KEYS[3], 'dead', settled)
  if failed > 0 then count(KEYS[3], 'failed', failed) end
  local trimmed = options.maxLength ~= '0' and redis.call('XTRIM', KEYS[2], 'MAXLEN', '~', options.maxLength) or 0
  if trimmed > 0 then
    count(KEYS[3], 'purged', trimmed)
    redis.pcall('XTRIM', KEYS[5], 'MAXLEN', redis.call('XLEN', KEYS[2]))
  end
end
if refusal then return refusal end
return { redis.call('XLEN', KEYS[2]), unpack(late) }
