-- Says that entries are still in a consumer's work, so that nobody takes them for abandoned.
--
-- KEYS 1 inbox  2 counters
-- ARGV 1 group  2 consumer id  3... inbox ids
-- Returns { entries deleted, id, ... }: how many were deleted from the inbox by somebody else while they were
-- pending, and the ids that the consumer no longer holds, those included.
--
-- Atomic, so that a consumer which slept renews only what is still its own, and takes nothing back from
-- whoever took over.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'hash')
if wrong then return wrong end

local PAGE = 1000
local consumer = ARGV[2]

-- The ids of all that is pending with the consumer, as a set.
local function pending_ids()
  local all, start = {}, '-'
  repeat
    local page = redis.call('XPENDING', KEYS[1], ARGV[1], start, '+', PAGE, consumer)
    for _, entry in ipairs(page) do
      all[entry[1]] = true
      start = '(' .. entry[1]
    end
  until #page < PAGE
  return all
end

local reply, deleted, pending, held = { 0 }, 0, pending_ids(), {}
for i = 3, #ARGV do
  if pending[ARGV[i]] then
    held[#held + 1] = ARGV[i]
  else
    reply[#reply + 1] = ARGV[i]
  end
end

local function lose(id)
  deleted = deleted + 1
  reply[#reply + 1] = id
end

-- Before Redis 7.0 (which told its version first) XCLAIM does not look whether an entry is still there.
if not redis.REDIS_VERSION_NUM then
  local here = {}
  for _, id in ipairs(held) do
    if message_of(KEYS[1], id) then
      here[#here + 1] = id
    else
      redis.call('XACK', KEYS[1], ARGV[1], id)
      lose(id)
    end
  end
  held = here
end

for first = 1, #held, PAGE do
  local args = { 'XCLAIM', KEYS[1], ARGV[1], consumer, 0 }
  for i = first, math.min(first + PAGE - 1, #held) do
    args[#args + 1] = held[i]
  end
  args[#args + 1] = 'JUSTID'
  local renewed = {}
  for _, id in ipairs(redis.call(unpack(args))) do
    renewed[id] = true
  end
  -- Those that are not there any more it has dropped from the pending list.
  for i = first, math.min(first + PAGE - 1, #held) do
    if not renewed[held[i]] then lose(held[i]) end
  end
end
if deleted > 0 then redis.call('HINCRBY', KEYS[2], 'lost', deleted) end
reply[1] = deleted
return reply
