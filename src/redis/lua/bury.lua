-- Settles entries as dead letters: each leaves the inbox and is kept with its reason.
--
-- USES halts letters pack-counts keyed recorded
-- KEYS 1 inbox  2 dead  3 counters  4 retry  5 previews  6 busy  7 held  8 packs  9 bridge  10 halted  11 parked
-- ARGV 1 options: large (of the list), group, maxLength (keep about so many dead letters, the newest; 0 for all), order (none,
--        total or key), halt (true if a dead letter stops the order), deadLetters (list of entryId, inboxId if the message has
--        another one, consumerId, reason, attempts, failed: whether an attempt failed, key of the message as JSON), run (see
--        keyed.lua), hashes (prefix of the hashes of the record in Redis; none without)
--      2... list with three texts per dead letter: message, error, stack ('' for none); with hashes, another one before them (see
--        recorded.lua): '' for a message without an id
-- Returns { dead letters kept, 1 if results may wait for this call, else 0, { ids of entries that were settled before, for which
--           nothing was written }, { entry id and id of each dead letter that stops the order, in turn } }.
--
-- Atomic for the same reason as commit: only the caller that removes an entry from the inbox settles it. And because an entry
-- that leaves the inbox lets the order go on: a dead letter that stops it takes its place at the same moment. One that was
-- halted before, and tried again, keeps its place; or gives it up if dead letters stop the order no longer.
--
-- While a dead letter is halted, none is deleted for maxLength: its place would be kept for nothing.
--
-- If Redis refuses a command, the dead letters before it are settled, and the others not at all: each is written
-- before its entry is removed, and the other commands are tried first, in a form that changes nothing, or undone (see commit).
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream', KEYS[3], 'hash', KEYS[4], 'zset',
  KEYS[5], 'stream', KEYS[6], 'hash', KEYS[7], 'zset', KEYS[8], 'stream', KEYS[9], 'hash', KEYS[10], 'zset', KEYS[11], 'zset')
if wrong then return wrong end

name_keys(KEYS[8], KEYS[1], KEYS[3], KEYS[9], KEYS[6], KEYS[7])
local is_ordered, is_keyed = options.order ~= 'none', options.order == 'key'
redis.call('XDEL', KEYS[1], '0-0')
try_letters(KEYS[2], KEYS[3], options.maxLength)
redis.call('XACK', KEYS[1], options.group, '0-0')
redis.call('ZREM', KEYS[4], '0-0')
message_of(KEYS[1], '0-1')
if is_ordered then redis.call('ZREM', KEYS[10], '') end
if is_keyed then try_freeing() end

-- Halts the order at a place. Returns a refusal: then nothing has changed.
local function halt_order(place, letter_id, key)
  local member = halt_member(place, letter_id, key)
  local added = redis.pcall('ZADD', KEYS[10], 0, member)
  if type(added) == 'table' then return added end
  local set = key ~= '' and redis.pcall('HSET', KEYS[6], key, '!' .. place)
  if type(set) == 'table' then
    redis.call('ZREM', KEYS[10], member)
    return set
  end
end

local settled, late, halted, failed, refusal = 0, {}, {}, 0, nil
-- The keys that go on, and the ids of their units.
local keys, units = {}, {}
local texts = packed_list()
local STEP = options.hashes and 4 or 3

for n, letter in ipairs(options.deadLetters) do
  local id = letter.entryId
  local inbox_id = letter.inboxId or id
  if is_unsettled(KEYS[1], options.group, id) then
    local place = is_ordered and place_of(inbox_id)
    -- Only a message that has kept its id can have been halted before.
    local before = place and letter.inboxId and halts_at(KEYS[10], place) or {}
    if not is_keyed then letter.key = nil end
    if options.hashes then
      letter.messageId, refusal = recordable_id(options.hashes, texts[STEP * n - 3])
      if refusal then break end
    end
    local message, error, stack = texts[STEP * n - 2], texts[STEP * n - 1], texts[STEP * n]
    local added = write_letter(KEYS[2], KEYS[5], letter, inbox_id, message, error, stack)
    if type(added) == 'table' then
      refusal = added
      break
    end
    -- In order by key, a message without a key precedes nothing.
    local stops = place and options.halt and (letter.key or not is_keyed)
    refusal = stops and halt_order(place, added, is_keyed and letter.key or '')
    if refusal then
      undo_letter(KEYS[2], KEYS[5], added)
      break
    end
    if letter.messageId then
      record_letter(options.hashes .. letter.messageId, texts[STEP * n - 3], inbox_id, letter, error)
    end
    redis.call('XDEL', KEYS[1], id)
    redis.call('XACK', KEYS[1], options.group, id)
    redis.call('ZREM', KEYS[4], id)
    for _, member in ipairs(before) do
      redis.call('ZREM', KEYS[10], member)
    end
    if stops then
      halted[#halted + 1], halted[#halted + 2] = id, added
    elseif is_keyed and letter.key then
      keys[#keys + 1], units[#units + 1] = letter.key, id
    end
    settled = settled + 1
    if letter.failed then failed = failed + 1 end
  else
    late[#late + 1] = id
  end
end

if settled > 0 then count_letters(KEYS[2], KEYS[5], KEYS[3], KEYS[10], options.maxLength, settled, failed) end
-- Whatever is refused here, they are settled: free.lua frees the rest.
local is_freed, left = pcall(free_keys, keys, units)
if refusal then return refusal end
local may_go_out = options.order == 'total' and redis.call('ZCARD', KEYS[11]) > 0
return { redis.call('XLEN', KEYS[2]), may_go_out and 1 or 0, late, halted, is_freed and left or keys }
