-- Total order: which results may go out, and how those that wait do. Scripts that use it use sink and halts, too. Their keys
-- have: 1 inbox  3 counters  6 parked  7 halted.

-- Foreign members of halted that one call removes.
local MOST_FOREIGN = 100

-- The place of the first halted message, and its entry while it is tried again; nil if there is none. What would stop the order
-- for ever is removed: members that another program wrote, and those of messages that another program deleted while they were
-- tried again. `head` is the first id in the inbox.
local function first_halted(head)
  for _ = 1, MOST_FOREIGN do
    local member = redis.call('ZRANGEBYLEX', KEYS[7], '-', '+', 'LIMIT', 0, 1)[1]
    if not member then return nil end
    local halt = halt_in(member)
    local is_deleted = halt and halt.entry and (not head or id_after(head, halt.entry))
    if halt and not is_deleted then return halt.place, halt.entry end
    redis.call('ZREM', KEYS[7], member)
    count(KEYS[3], 'foreignHalts', 1)
  end
  -- Nothing goes out before the next call has looked at the rest.
  return ''
end

-- The id that stands at a place, '' for none.
local function id_at(place)
  local ms, seq = string.match(place or '', '^0*(%d+)-0*(%d+)$')
  return ms and ms .. '-' .. seq or ''
end

-- The id of the first entry of the inbox, '' for none. Redis replies with the whole message: so scripts ask once, and again only
-- when they have removed that entry.
local function first_id()
  local entry = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
  return entry and entry[1] or ''
end

-- The first place that is not settled, or that is halted; nil if there is none. Results before it may go out. Also returns the
-- entry that settles it, nil for none.
local function limit_at(first)
  local place = place_of(first)
  local stop, again = first_halted(place and first)
  if stop and not (place and place < stop) then return stop, again end
  return place, place and first
end

local function is_halted(place)
  return redis.call('ZLEXCOUNT', KEYS[7], '[' .. place .. '\0', '(' .. place .. '\1') > 0
end

-- The halted message at a place stops the order no longer.
local function end_halt(place)
  for _, member in ipairs(halts_at(KEYS[7], place)) do
    redis.call('ZREM', KEYS[7], member)
  end
end

-- Where the range of results before a place ends; of all, if there is no place.
local function end_before(place)
  return place and '(' .. place or '+'
end

local function has_parked_before(place)
  return redis.call('ZLEXCOUNT', KEYS[6], '-', end_before(place)) > 0
end

-- The order has come to this place. pcall: it only shows results that would come too late.
local function note_out(place)
  redis.pcall('HSET', KEYS[3], 'out', place)
end

-- Members that do not have the score 0 would stand in no order.
local function reset_scores()
  if redis.call('ZCOUNT', KEYS[6], 0, 0) == redis.call('ZCARD', KEYS[6]) then return end
  for _, range in ipairs({ { '-inf', '(0' }, { '(0', '+inf' } }) do
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[6], range[1], range[2], 'LIMIT', 0, 100)) do
      redis.call('ZADD', KEYS[6], 0, member)
    end
  end
end

-- Comes before the first write: carries out the commands of let_out, in a form that changes nothing. They raise what Redis refuses.
local function try_letting_out()
  redis.call('ZADD', KEYS[6], 'XX', 0, '')
  redis.call('ZREMRANGEBYLEX', KEYS[6], '+', '-')
  redis.call('ZRANGEBYLEX', KEYS[6], '+', '-')
  reset_scores()
end

-- A result that goes to the record before it goes out has its message before it: a byte 1, how many bytes the message has, a
-- byte 0, the message.
local function waits_for_record(member)
  return string.byte(member, PLACE + 2) == 1
end

-- Where the result begins in a member, and where its message does, nil for none. Raises an error if there is none.
local function result_in(member)
  if not waits_for_record(member) then return PLACE + 2 end
  local length, first = struct.unpack('s', member, PLACE + 3)
  if first + length > #member then error('no result') end
  return first + length, first
end

local function write_member(member)
  return write_result(member, (result_in(member)))
end

local MOST_OUT, MOST_BYTES_OUT = 500, 1000000

-- How many members may follow those that a call has. Their sizes are known only when Redis has copied them: so a page is as long
-- as fits by the mean, and at most twice as long as all before it: a few small ones say little about the rest.
local function fitting(members, bytes)
  return math.max(1, math.min(100, members, MOST_OUT - members, math.floor((MOST_BYTES_OUT - bytes) * members / bytes)))
end

-- Writes a page of results in turn, by default as they are. Returns how many of its members are done with, their bytes, a
-- refusal, and the place of the last one.
local function write_page(page, finished, write)
  local done, bytes, refusal, place = 0, 0, nil, nil
  for n, member in ipairs(page) do
    -- It raises an error for what another program wrote.
    local is_ours, reply, at = pcall(write or write_member, member, n)
    if is_ours and type(reply) == 'table' then
      refusal = not_added(KEYS[2], reply)
      break
    end
    if is_ours then
      place = string.sub(member, 1, PLACE)
      if at ~= '' then finished[#finished + 1] = at end
    else
      count(KEYS[3], 'foreignParked', 1)
    end
    done, bytes = n, bytes + #member
  end
  return done, bytes, refusal, place
end

-- How many members at the beginning of a page do not wait for the record.
local function free_of_record(page)
  for n, member in ipairs(page) do
    if waits_for_record(member) then return n - 1 end
  end
  return #page
end

-- Lets out the results before the limit, in their order: at most 500 of them, or about a megabyte. Each is written before it
-- leaves the zset. What is no result, because another program wrote it, is removed. Returns whether more may go out, when each
-- was finished, and a refusal: then that result and all after it still wait. The same holds for one that waits for the record, if
-- the caller asks for that.
local function let_out(limit, keeps_record)
  local finished, sum, bytes, wanted = {}, 0, 0, 1
  while sum < MOST_OUT and bytes < MOST_BYTES_OUT do
    local page = redis.call('ZRANGEBYLEX', KEYS[6], '-', end_before(limit), 'LIMIT', 0, wanted)
    local found = #page
    local free = keeps_record and free_of_record(page) or found
    for n = free + 1, found do
      page[n] = nil
    end
    local done, size, refusal, place = write_page(page, finished)
    if place then note_out(place) end
    if done > 0 then redis.call('ZREMRANGEBYLEX', KEYS[6], '-', '[' .. page[done]) end
    if refusal or #page < wanted then return false, finished, refusal end
    sum, bytes = sum + #page, bytes + size
    wanted = fitting(sum, bytes)
  end
  return has_parked_before(limit), finished
end
