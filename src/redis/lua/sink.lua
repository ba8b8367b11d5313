-- How scripts write results to the output, a stream or a list. Their keys have: 2 output  3 counters  4 processed. Their
-- options have: list (true if the output is a list) and maxLength (trim the output to about so many entries; 0 for never).
--
-- A result is one text, so that it is parked and let out without being taken apart: consumer id, finished_at, attempts (both ''
-- without times), `line` and the line, if the output is a list; else `entry`, inbox id, published_at, started_at, how many bytes
-- the message id has, message id, data. A byte 0 ends each field before the line, or before the message id.

local written, written_by = 0, {}

-- Writes the result that begins at `at` in a text. Returns the reply, a table if Redis refuses it, and when the result was
-- finished. Raises an error if that is no result.
local function write_result(text, at)
  local reply
  local consumer, finished, _, kind, from = struct.unpack('ssss', text, at)
  if (kind == 'line' or kind == 'entry') and options.list ~= (kind == 'line') then
    local is, wait_for = 'stream', 'list'
    if options.list then is, wait_for = wait_for, is end
    return redis.error_reply('KEYTYPE ' .. KEYS[2] .. ' is a ' .. is .. ', and there are results that wait for a ' .. wait_for)
  elseif kind == 'line' then
    reply = redis.pcall('RPUSH', KEYS[2], string.sub(text, from))
  elseif kind == 'entry' then
    local inbox_id, published, started, length, first = struct.unpack('ssss', text, from)
    local message_id, data = string.sub(text, first, first + length - 1), string.sub(text, first + length)
    if finished == '' then
      reply = redis.pcall('XADD', KEYS[2], '*', 'message_id', message_id, 'consumer_id', consumer, 'inbox_id', inbox_id,
        'data', data)
    else
      reply = redis.pcall('XADD', KEYS[2], '*', 'message_id', message_id, 'consumer_id', consumer, 'inbox_id', inbox_id,
        'data', data, 'published_at', published, 'started_at', started, 'finished_at', finished)
    end
  else
    error('no result')
  end
  if type(reply) == 'table' then return reply end
  written, written_by[consumer] = written + 1, (written_by[consumer] or 0) + 1
  return reply, finished
end

-- Carries out what comes after the first result, in a form that changes nothing. Raises what Redis refuses.
local function try_counting()
  count(KEYS[3], 'processed', 0)
  redis.call('HDEL', KEYS[4], '')
  if options.maxLength == '0' then return end
  if options.list then
    redis.call('LTRIM', KEYS[2], 0, -1)
  else
    redis.call('XTRIM', KEYS[2], 'MAXLEN', '~', '9223372036854775807')
  end
end

local function trim_output()
  if options.list then
    -- At most so many in one call, as XTRIM does for a stream: the next calls delete the rest.
    local over = math.min(redis.call('LLEN', KEYS[2]) - options.maxLength, 10000)
    if over > 0 then redis.call('LTRIM', KEYS[2], over, -1) end
    return over
  end
  return redis.call('XTRIM', KEYS[2], 'MAXLEN', '~', options.maxLength)
end

-- Counts what was written, and trims the output.
local function count_written()
  if written == 0 then return end
  count(KEYS[3], 'processed', written)
  for consumer, results in pairs(written_by) do
    count(KEYS[4], consumer, results)
  end
  local trimmed = options.maxLength ~= '0' and trim_output() or 0
  if trimmed > 0 then count(KEYS[3], 'trimmed', trimmed) end
end
