-- The record in Redis: a hash for each settled message, written by the script that settles it. Its key is the prefix that is given,
-- and the message id; so a later message with the same id replaces what the hash says.
--
-- What scripts get for it is one text: published_at, started_at, finished_at (ms since 1970), message id. Before that, of a result:
-- attempts, how many bytes follow the data in the text of the result, how many bytes the data have. A byte 0 ends each field
-- but the last.

local is_hset_tried = false

-- Comes before the first write: carries out what writes a hash, in a form that changes nothing. Returns the type of a key that
-- holds something else, nil if the hash can be written. Raises what Redis refuses.
local function foreign_type(key)
  local reply = redis.pcall('HDEL', key, '')
  if type(reply) == 'table' then
    if not string.find(reply.err, 'WRONGTYPE', 1, true) then error(reply) end
    return redis.call('TYPE', key).ok
  end
  if is_hset_tried then return nil end
  redis.call('HSET', key, '', '')
  redis.call('HDEL', key, '')
  is_hset_tried = true
end

-- Writes fields and values to a hash, and removes the fields `others` that an earlier settlement may have left.
local function write_hash(key, others, ...)
  if redis.call('HSET', key, ...) < select('#', ...) / 2 then redis.call('HDEL', key, unpack(others)) end
end

-- The key of the hash of a result.
local function key_of_result(prefix, text)
  local _, _, _, _, _, _, first = struct.unpack('ssssss', text)
  return prefix .. string.sub(text, first)
end

local OF_DEAD, OF_PROCESSED = { 'reason', 'error' }, { 'data' }

-- The hash of a processed message; `result` is its text as in sink.lua.
local function record_result(key, text, inbox_id, consumer, result)
  local attempts, after, length, published, started, finished = struct.unpack('ssssss', text)
  write_hash(key, OF_DEAD, 'state', 'processed', 'inbox_id', inbox_id, 'consumer_id', consumer, 'attempts', attempts,
    'published_at', published, 'started_at', started, 'finished_at', finished,
    'data', string.sub(result, -after - length, -after - 1))
end

-- The message id of a dead letter whose hash can be written; nil if it has none, or if its key holds something else. Also returns
-- what Redis refuses.
local function recordable_id(prefix, text)
  if text == '' then return nil end
  local _, _, _, first = struct.unpack('sss', text)
  local id = string.sub(text, first)
  local is_tried, found = pcall(foreign_type, prefix .. id)
  if not is_tried then return nil, type(found) == 'table' and found or { err = found } end
  return not found and id or nil
end

-- The hash of a dead letter.
local function record_letter(key, text, inbox_id, letter, error)
  local published, started, finished = struct.unpack('sss', text)
  write_hash(key, OF_PROCESSED, 'state', 'dead', 'inbox_id', inbox_id, 'consumer_id', letter.consumerId,
    'attempts', letter.attempts, 'published_at', published, 'started_at', started, 'finished_at', finished,
    'reason', letter.reason, 'error', error)
end

-- A dead letter is sent back: its hash says so, unless a later message with its id has that hash. Never refused: the message is in
-- the inbox already.
local function record_retry(key, letter_inbox_id, inbox_id)
  if redis.pcall('HGET', key, 'inbox_id') ~= letter_inbox_id then return end
  redis.pcall('HSET', key, 'state', 'waiting', 'inbox_id', inbox_id)
end
