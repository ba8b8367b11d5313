-- How pull-list and pull-stream write what they took; they use append, pack-counts, keyed and hold, too. Their keys begin with:
-- 1 source  2 inbox  3 counters  4 bridge  5 packs  6 busy  7 held. Their options are used here: packSize (most messages of a
-- pack; 1 for no packs), largestPack (bytes), and with order key, for which the caller has read the page before: keys (of its
-- messages, each and a line feed; see hold.lua) and page (the SHA-1 of what was read). Then `most` is how many messages it has.

-- Most messages of the source that are read in one command: how large they are is only known then.
local LONGEST_PAGE = 16

-- The messages in packs, as a bridge makes them (see core/packed.ts): their texts, and how many messages each holds. nil if there
-- is one message only, or if one is too large for a pack.
local function packs_of(messages)
  local most, largest = tonumber(options.packSize), tonumber(options.largestPack)
  if most < 2 or #messages < 2 then return nil end
  local texts, counts, parts, bytes = {}, {}, {}, 0
  local function close()
    texts[#texts + 1], counts[#counts + 1] = table.concat(parts), #parts / 2
    parts, bytes = {}, 0
  end
  for _, message in ipairs(messages) do
    -- A "str 32" of MessagePack.
    local head = struct.pack('>BI4', 0xdb, #message)
    local size = #head + #message
    if size > largest then return nil end
    if #parts == 2 * most or bytes + size > largest then close() end
    parts[#parts + 1], parts[#parts + 2], bytes = head, message, bytes + size
  end
  close()
  return texts, counts
end

-- What is read of the source: each text after its length and a colon.
local page_read = {}

-- Notes a text that is read.
local function note(text)
  if options.page then page_read[#page_read + 1], page_read[#page_read + 2] = #text .. ':', text end
end

-- Whether it is what the caller read: if not, another process was faster, and the keys are those of other messages.
local function is_same_page()
  return not options.page or redis.sha1hex(table.concat(page_read)) == options.page
end

-- The same as write_all for messages with keys. Other scripts write entries of held messages: so `last` is emptied, and a pull
-- without order key asks Redis for it.
local function write_by_key(messages, fields)
  name_keys(packs, inbox, KEYS[3], KEYS[4], KEYS[6], KEYS[7])
  -- What undoes, and what comes after the first message, has to work.
  try_freeing()
  redis.call('HMGET', KEYS[6], '')
  now = now_ms()
  redis.call('HSET', KEYS[4], 'pulled_at', now)
  count(KEYS[3], 'relayed', #messages)
  local refusal = add_by_key(messages, keys_in(options.keys))
  if refusal then return undo(refusal, #messages) end
  redis.call('HSET', KEYS[4], 'last', '', unpack(fields))
end

-- Writes the messages and counts them, then sets fields of the bridge hash. Returns the refusal: then nothing has changed.
local function write_all(messages, fields)
  if options.keys then return write_by_key(messages, fields) end
  local texts, counts = packs_of(messages)
  -- Sent when nothing is to be undone yet: what would undo it has to work.
  local proof = redis.pcall('XDEL', texts and KEYS[5] or KEYS[2], '0-0')
  if type(proof) == 'table' then return proof end
  begin_after(string.match(redis.call('HGET', KEYS[4], 'last') or '', '^%d+%-%d+$'))
  count(KEYS[3], 'relayed', #messages)
  local refusal
  if texts then
    refusal = add_packs(counts, texts, 0, #messages)
  else
    refusal = add_messages(messages)
  end
  if not refusal then
    local set = redis.pcall('HSET', KEYS[4], 'pulled_at', now, 'last', written[#written], unpack(fields))
    if type(set) ~= 'table' then return nil end
    refusal = set
    if texts then count(KEYS[3], 'packed', -#messages) end
  end
  return undo(refusal, #messages)
end
