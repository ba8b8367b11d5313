-- How scripts write dead letters.

-- Bytes of a text in a preview.
local PREVIEW = 2000

-- Writes a dead letter, and its preview. Returns its id, or the refusal of Redis. Letter: reason, attempts, consumerId, key if it
-- has one, messageId if it has a hash in the record (then revive.lua finds that by it). Without a stack it is nil or ''.
local function write_letter(dead, previews, letter, inbox_id, message, error, stack)
  local fields = { 'reason', letter.reason, 'error', error, 'attempts', letter.attempts, 'consumer_id', letter.consumerId,
    'inbox_id', inbox_id }
  if letter.key then
    fields[11], fields[12] = 'key', letter.key
  end
  local of_preview = { unpack(fields) }
  if letter.messageId then
    fields[#fields + 1], fields[#fields + 2] = 'message_id', letter.messageId
  end
  if stack and stack ~= '' then
    fields[#fields + 1], fields[#fields + 2] = 'stack', stack
  end
  local added = redis.pcall('XADD', dead, '*', 'message', message, unpack(fields))
  if type(added) == 'table' then return not_added(dead, added) end
  -- Without it, lists read the dead letters themselves (see dead-letters).
  of_preview[4] = string.sub(error, 1, PREVIEW)
  redis.pcall('XADD', previews, added, 'message', string.sub(message, 1, PREVIEW), 'bytes', #message, unpack(of_preview))
  return added
end

local function undo_letter(dead, previews, id)
  redis.call('XDEL', dead, id)
  redis.pcall('XDEL', previews, id)
end

-- Comes before the first of them: carries out the commands that follow it, in a form that changes nothing.
local function try_letters(dead, counters, max_length)
  redis.call('XDEL', dead, '0-0')
  count(counters, 'dead', 0)
  if max_length ~= '0' then redis.call('XTRIM', dead, 'MAXLEN', '~', '9223372036854775807') end
end

-- Counts dead letters, and how many of them have a failed attempt. Deletes old ones, unless one stops an order.
local function count_letters(dead, previews, counters, halted, max_length, letters, failed)
  count(counters, 'dead', letters)
  if failed > 0 then count(counters, 'failed', failed) end
  local is_trimmed = max_length ~= '0' and redis.call('ZCARD', halted) == 0
  local trimmed = is_trimmed and redis.call('XTRIM', dead, 'MAXLEN', '~', max_length) or 0
  if trimmed > 0 then
    count(counters, 'purged', trimmed)
    redis.pcall('XTRIM', previews, 'MAXLEN', redis.call('XLEN', dead))
  end
end
