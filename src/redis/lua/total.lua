-- Total order: which results may go out, and how those that wait do. Scripts that use it use sink, too. Their keys have:
-- 1 inbox  3 counters  6 parked  7 halted.
--
-- A place is where a result stands in the order: the id of its entry, both numbers padded so that texts compare as numbers do.

-- The place of an id; nil if it is none.
local function place_of(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return ms and string.rep('0', 20 - #ms) .. ms .. '-' .. string.rep('0', 20 - #seq) .. seq
end

local PLACE = 41

-- The first place that is not settled, or that is halted; nil if there is none. Results before it may go out.
local function first_unsettled()
  local entry = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
  local halted = redis.call('ZRANGEBYLEX', KEYS[7], '-', '+', 'LIMIT', 0, 1)[1]
  local place = entry and place_of(entry[1])
  local stop = halted and string.sub(halted, 1, PLACE)
  if not place or not stop then return place or stop end
  return stop < place and stop or place
end

local function is_halted(place)
  return redis.call('ZLEXCOUNT', KEYS[7], '[' .. place .. '\0', '(' .. place .. '\1') > 0
end

-- The halted message at a place stops the order no longer.
local function end_halt(place)
  for _, member in ipairs(redis.call('ZRANGEBYLEX', KEYS[7], '[' .. place .. '\0', '(' .. place .. '\1')) do
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
