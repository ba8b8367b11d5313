-- How pull-list and pull-stream write what they took; they use append, too. Their keys begin with: 1 source  2 inbox  3 counters
-- 4 bridge  5 packs. Their options packSize (most messages of a pack; 1 for no packs) and largestPack (bytes) are used here.

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

-- Writes the messages and counts them, then sets fields of the bridge hash. Returns the refusal: then nothing has changed.
local function write_all(messages, fields)
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
