-- How messages are written to the inbox, or to the packs. The keys of a script that uses it are: 2 inbox  3 counters  5 packs;
-- its option mostAhead: an id may be so many ms ahead of the clock.
--
-- The ids of the messages are in the order in which they came, whichever stream they are in, and none is given twice. A pack
-- has a block of sequence numbers to itself, from 1,000,000 on (see core/pack.ts); entries of the inbox have smaller ones.
--
-- Redis does not roll back: if it refuses a message, `undo` takes back what was written, by commands that have worked before.
local try, inbox, packs, written = redis.pcall, KEYS[2], KEYS[5], {}
local FIRST_BLOCK, BLOCK, EXACT = 1000, 1000, 2 ^ 53

-- The stream that is written to, the id of the last message before these, and the time.
local stream, last, now = inbox, nil, nil

-- The highest id that a stream ever had. Redis replies with two entries, too: so it is asked only if need be.
local function last_id(key)
  local info = try('XINFO', 'STREAM', key)
  return info.err and '0-0' or by_name(info)['last-generated-id']
end

-- Comes before the first write. `id` is that of the last message before these; nil if the caller does not know it.
local function begin_after(id)
  now, last = now_ms(), id
  if not last then
    local of_inbox, of_packs = last_id(inbox), last_id(packs)
    last = id_after(of_inbox, of_packs) and of_inbox or of_packs
  end
end

-- Takes back what was written and counted, `size` messages; returns the refusal.
local function undo(refusal, size)
  if size > 0 then count(KEYS[3], 'relayed', -size) end
  if #written > 0 then call_with_ids(written, 'XDEL', stream) end
  return refusal
end

-- The millisecond after that of an id; nil if Lua does not count so far.
local function next_ms(ms)
  return tonumber(ms) + 1 < EXACT and string.format('%.0f', tonumber(ms) + 1) or nil
end

-- Whether a foreign id has put a stream so far ahead that the other one must not follow it: then their order is lost.
local function is_far(ms)
  return tonumber(ms) > now + options.mostAhead
end

-- The id of the first entry of the inbox. Redis gives ids after all others of the inbox. The next millisecond is needed if the
-- last message was in a pack of this one, or if the clock was put back and Redis counts on towards the numbers of packs.
local function first_in_inbox()
  local ms, seq = string.match(last, '(%d+)-(%d+)')
  local next_one = tonumber(ms) >= now and (#seq == 6 or #seq > 6 and not is_far(ms)) and next_ms(ms)
  return next_one and next_one .. '-0' or '*'
end

-- The first block of numbers after an id, for so many packs: its millisecond and its number; nil if there is none.
local function block_after(id, blocks)
  local ms, seq = string.match(id, '(%d+)-(%d+)')
  if tonumber(ms) < now then return string.format('%.0f', now), FIRST_BLOCK end
  local block = math.floor(tonumber(seq) / BLOCK) + 1
  if (block + blocks) * BLOCK < EXACT then return ms, math.max(FIRST_BLOCK, block) end
  return next_ms(ms), FIRST_BLOCK
end

local function is_too_small(refusal)
  return type(refusal) == 'table' and string.find(refusal.err, 'equal or smaller', 1, true)
end

-- Writes a pack with this number, in a block of its own; returns the reply.
local function add_pack(ms, block, messages, text)
  local id = string.format('%s-%.0f', ms, block * BLOCK + messages)
  return try('XADD', packs, id, 'pack', text)
end

-- Writes packs: texts[skipped + 1] holds counts[1] messages, and so on, `size` in all. Returns the refusal of one.
local function add_packs(counts, texts, skipped, size)
  stream = packs
  local packs_before = redis.call('XLEN', packs)
  local ms, block = block_after(is_far(string.match(last, '%d+')) and '0-0' or last, #counts)
  for i = 1, #counts do
    local text = texts[skipped + i]
    local id = ms and add_pack(ms, block, counts[i], text) or { err = 'equal or smaller' }
    if i == 1 and is_too_small(id) then
      ms, block = block_after(last_id(packs), #counts)
      id = ms and add_pack(ms, block, counts[i], text) or id
    end
    if type(id) == 'table' then return not_added(packs, id) end
    written[i], block = id, block + 1
  end
  -- Without packs the number may be a foreign one, or that of packs which another client deleted.
  if packs_before == 0 then
    redis.call('HSET', KEYS[3], 'packed', size)
  else
    count(KEYS[3], 'packed', size)
  end
end

local function add_message(id, message)
  return try('XADD', inbox, id, 'message', message)
end

-- Writes entries of the inbox. Returns the refusal of one.
local function add_messages(messages)
  local first = first_in_inbox()
  for i = 1, #messages do
    local id = add_message(i == 1 and first or '*', messages[i])
    -- The inbox may be ahead of that already.
    if i == 1 and is_too_small(id) then id = add_message('*', messages[i]) end
    if type(id) == 'table' then return not_added(inbox, id) end
    written[i] = id
  end
end
