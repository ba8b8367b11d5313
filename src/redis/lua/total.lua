-- Total order: which results may go out, and how those that wait do. Scripts that use it use sink and halts, too. Their keys
-- have: 1 inbox  3 counters  6 parked  7 halted.

-- Foreign members of halted that one call removes.
local MOST_FOREIGN = 100

-- The place of the first halted message; nil if there is none. What would stop the order for ever is removed: members that another
-- program wrote, and those of messages that another program deleted while they were tried again. `head` is the first id in
-- the inbox.
local function first_halted(head)
  for _ = 1, MOST_FOREIGN do
    local member = redis.call('ZRANGEBYLEX', KEYS[7], '-', '+', 'LIMIT', 0, 1)[1]
    if not member then return nil end
    local halt = halt_in(member)
    local is_deleted = halt and halt.entry and (not head or id_after(head, halt.entry))
    if halt and not is_deleted then return halt.place end
    redis.call('ZREM', KEYS[7], member)
    count(KEYS[3], 'foreignHalts', 1)
  end
  -- Nothing goes out before the next call has looked at the rest.
  return ''
end

-- The first place that is not settled, or that is halted; nil if there is none. Results before it may go out.
local function first_unsettled()
  local entry = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
  local place, stop = entry and place_of(entry[1]), first_halted(entry and entry[1])
  if not place or not stop then return place or stop end
  return stop < place and stop or place
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

-- The results that wait before a place, at most so many; all if there is no place.
local function parked_before(place, most)
  return redis.call('ZRANGEBYLEX', KEYS[6], '-', place and '(' .. place or '+', 'LIMIT', 0, most)
end

local function has_parked_before(place)
  return redis.call('ZLEXCOUNT', KEYS[6], '-', place and '(' .. place or '+') > 0
end

local function member_of(place, result)
  return place .. '\0' .. cmsgpack.pack(result)
end

-- The result that a member of parked holds; nil if another program wrote it.
local function result_in(member)
  if string.sub(member, PLACE + 1, PLACE + 1) ~= '\0' then return nil end
  local is_packed, result = pcall(cmsgpack.unpack, string.sub(member, PLACE + 2))
  if not is_packed or type(result) ~= 'table' or type(result[1]) ~= 'string' or type(result[2]) ~= 'string' then return nil end
  return result
end

local MOST_OUT, MOST_BYTES_OUT = 500, 1000000

-- Writes the results of a page in turn. Returns the members that are done with, their bytes, and a refusal.
local function write_page(page, finished)
  local done, bytes = {}, 0
  for n, member in ipairs(page) do
    local result = result_in(member)
    local reply = result and write_result(result)
    if type(reply) == 'table' then return done, bytes, not_added(KEYS[2], reply) end
    if not result then count(KEYS[3], 'foreignParked', 1) end
    if result and result[7] then finished[#finished + 1] = result[7] end
    done[n], bytes = member, bytes + #member
  end
  return done, bytes
end

-- Lets out the results that no unsettled message precedes, in their order: at most 500 of them, or about a megabyte. Each is
-- written before it leaves the zset. What is no result, because another program wrote it, is removed. Returns whether more
-- may go out, when each was finished, and a refusal: then that result and all after it still wait.
local function let_out()
  local limit, finished, sum, bytes, wanted = first_unsettled(), {}, 0, 0, 1
  while sum < MOST_OUT and bytes < MOST_BYTES_OUT do
    local page = parked_before(limit, wanted)
    local done, size, refusal = write_page(page, finished)
    if #done > 0 then call_with_ids(done, 'ZREM', KEYS[6]) end
    if refusal then return true, finished, refusal end
    if #page < wanted then return false, finished end
    sum, bytes = sum + #page, bytes + size
    -- Their sizes are known only when Redis has copied them: so a page is as long as fits by the mean.
    wanted = math.max(1, math.min(100, MOST_OUT - sum, math.floor((MOST_BYTES_OUT - bytes) * sum / bytes)))
  end
  return has_parked_before(limit), finished
end
