-- Total order with a record in PostgreSQL: lets out the results that are recorded, and hands out the next ones, to be recorded. So
-- rows are written in the order of the output, and each before its result goes out.
--
-- USES sink halts total watched letters
-- KEYS 1 inbox  2 output  3 counters  4 processed  5 retry  6 parked  7 halted  8 bridge  9 dead  10 previews
-- ARGV 1 options: large (of the list), group, maxLength, list (true if the output is a list), order (none or key: there is no total
--        order any more, so all results go out), window (as for let-out), owner (the process), claims (true: no other process
--        gets results for half a second), halt (true if a dead letter stops the order), deadMaxLen (keep about so many dead letters; 0 for
--        all), recorded (of the results that the caller has recorded: count, digest; none at the beginning), changes (list of n, the
--        number of such a result, from 1; kind: `result` if the record held another one, `dead` if it refuses it, `foreign` if it
--        is none; inboxId, consumerId, attempts of a dead letter)
--      2... list with a text for each change: the result (see sink.lua), the error, ''
-- Returns { results that wait, 1 if some are handed out, else 0, {}, { when each that went out was finished }, the id of what the
--           order waits for, '' for none, or for the record, 1 if that is an entry which no consumer has or will get but by a read, else 0, {},
--           { number and id of each dead letter, in turn }, { results to record: place, a byte 0, text } }.
--
-- Atomic, as let-out. Recorded results go out only if they are still the first that wait, to the byte: SHA-1 of their texts. So it
-- does no harm if two processes record the same results at the same time, or if one is stopped meanwhile: the rows of the second are there
-- already, and what it would let out is gone. `claims` only spares them that work.
--
-- The place of the last result that is handed out is noted: an earlier one whose entry is gone would come too late (see
-- commit-ordered). Each result and each dead letter is written before its member leaves the zset; if Redis refuses one, it and all after
-- it still wait.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream or list', KEYS[3], 'hash', KEYS[4], 'hash', KEYS[5], 'zset',
  KEYS[6], 'zset', KEYS[7], 'zset', KEYS[8], 'hash', KEYS[9], 'stream', KEYS[10], 'stream')
if wrong then return wrong end
wrong = wrong_type(KEYS[2], options.list and 'list' or 'stream')
if wrong then return wrong end

local is_total = options.order == 'total'
-- ms.
local CLAIM = 500

local function claim()
  local owner, at = string.match(redis.call('HGET', KEYS[8], 'recording') or '', '^(%S+) (%d+)$')
  local age = at and now_ms() - at
  return owner, age and age >= 0 and age < CLAIM
end

local function end_claim()
  if claim() == options.owner then redis.pcall('HDEL', KEYS[8], 'recording') end
end

note('orderWindow', is_total and options.window or '')
if redis.call('ZCARD', KEYS[6]) == 0 then
  note('head', '')
  end_claim()
  return { 0, 0, {}, {}, '', 0, {}, {}, {} }
end
try_letting_out()
try_counting()
try_letters(KEYS[9], KEYS[3], options.deadMaxLen)
redis.call('ZREM', KEYS[7], '')

local first = is_total and first_id() or ''
local limit, entry
local function find_limit()
  if is_total then limit, entry = limit_at(first) end
end
find_limit()

-- A member without its message.
local function part_of(member)
  local is_ours, at = pcall(result_in, member)
  if not is_ours or at == PLACE + 2 then return member end
  return string.sub(member, 1, PLACE) .. '\0' .. string.sub(member, at)
end

local changes, finished, buried, refusal = {}, {}, {}, nil

-- A result that the record refuses. Its data stand for the message if it was parked before the group had a record.
local function bury(member, n, letter, error)
  local at, from = result_in(member)
  local message = from and string.sub(member, from, at - 1) or string.sub(member, at)
  letter.reason = 'failed'
  local added = write_letter(KEYS[9], KEYS[10], letter, letter.inboxId, message, error)
  if type(added) == 'table' then return added end
  -- By its inbox id: the dead letter is found by that.
  local halted = options.halt and redis.pcall('ZADD', KEYS[7], 0, halt_member(place_of(letter.inboxId), added, ''))
  if type(halted) == 'table' then
    undo_letter(KEYS[9], KEYS[10], added)
    return halted
  end
  buried[#buried + 1], buried[#buried + 2] = n, added
  return added, ''
end

local function write_recorded(member, n)
  local change = changes[n]
  if not change then return write_member(member) end
  if change.kind == 'result' then return write_result(change.text, 1) end
  if change.kind == 'dead' then return bury(member, n, change, change.text) end
  error('no result')
end

-- The recorded results, if they are still those that go out next.
local function recorded_page()
  local recorded, parts = options.recorded, {}
  if not recorded then return parts end
  local page = redis.call('ZRANGEBYLEX', KEYS[6], '-', end_before(limit), 'LIMIT', 0, recorded.count)
  for n, member in ipairs(page) do
    parts[n] = part_of(member)
  end
  return #page == tonumber(recorded.count) and redis.sha1hex(table.concat(parts)) == recorded.digest and page or {}
end

local function let_recorded_out()
  local page = recorded_page()
  if #page == 0 then return end
  local texts = packed_list()
  for i, change in ipairs(options.changes) do
    change.text, changes[tonumber(change.n)] = texts[i], change
  end
  local done, _, stopped = write_page(page, finished, write_recorded)
  refusal = stopped
  if done > 0 then redis.call('ZREMRANGEBYLEX', KEYS[6], '-', '[' .. page[done]) end
  count_written()
  local letters = #buried / 2
  if letters > 0 then count_letters(KEYS[9], KEYS[10], KEYS[3], KEYS[7], options.deadMaxLen, letters, letters) end
  find_limit()
end

-- The results that go out next: at most 500 of them, or about a megabyte.
local function next_page()
  local parts, bytes, from, wanted = {}, 0, '-', 1
  while #parts < MOST_OUT and bytes < MOST_BYTES_OUT do
    local page = redis.call('ZRANGEBYLEX', KEYS[6], from, end_before(limit), 'LIMIT', 0, wanted)
    for _, member in ipairs(page) do
      parts[#parts + 1], bytes = part_of(member), bytes + #member
    end
    if #page < wanted then break end
    from, wanted = '(' .. page[#page], fitting(#parts, bytes)
  end
  return parts
end

local function hand_out()
  local owner, is_fresh = claim()
  if options.claims and is_fresh and owner ~= options.owner then return {} end
  local parts = next_page()
  if #parts == 0 or not options.claims then
    end_claim()
  else
    redis.pcall('HSET', KEYS[8], 'recording', options.owner .. ' ' .. string.format('%.0f', now_ms()))
  end
  local place = #parts > 0 and string.sub(parts[#parts], 1, PLACE)
  if place and place > (redis.call('HGET', KEYS[3], 'out') or '') then redis.call('HSET', KEYS[3], 'out', place) end
  return parts
end

let_recorded_out()
if refusal then return refusal end
local parts = hand_out()
-- While results wait for the record, the order waits for no message: no other may begin when the window is full.
local for_record = #parts > 0 or has_parked_before(limit)
local head = for_record and '' or id_at(limit)
note_head(head)
local unread = not for_record and is_unread(entry)
return { redis.call('ZCARD', KEYS[6]), #parts > 0 and 1 or 0, {}, finished, head, unread and 1 or 0, {}, buried, parts }
