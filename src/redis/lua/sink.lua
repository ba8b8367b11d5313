-- How scripts write results to the output, a stream or a list. Their keys have: 2 output  3 counters  4 processed. Their
-- options have: list (true if the output is a list) and maxLength (trim the output to about so many entries; 0 for never).
--
-- A result is a table: 1 the consumer's id; then for a list 2 the line; for a stream 2 message id, 3 inbox id, 4 data, and
-- perhaps 5 to 7 published_at, started_at and finished_at.

local written, written_by = 0, {}

-- Writes a result; returns the reply, a table if Redis refuses it.
local function write_result(result)
  local reply
  if options.list then
    reply = redis.pcall('RPUSH', KEYS[2], result[2])
  elseif result[5] then
    reply = redis.pcall('XADD', KEYS[2], '*', 'message_id', result[2], 'consumer_id', result[1], 'inbox_id', result[3],
      'data', result[4], 'published_at', result[5], 'started_at', result[6], 'finished_at', result[7])
  else
    reply = redis.pcall('XADD', KEYS[2], '*', 'message_id', result[2], 'consumer_id', result[1], 'inbox_id', result[3],
      'data', result[4])
  end
  if type(reply) == 'table' then return reply end
  written, written_by[result[1]] = written + 1, (written_by[result[1]] or 0) + 1
  return reply
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
    local over = redis.call('LLEN', KEYS[2]) - options.maxLength
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
