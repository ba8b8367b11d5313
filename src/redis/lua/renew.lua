-- Keeps entries that a consumer still works on from being reclaimed.
--
-- KEYS 1 inbox  2 counters
-- ARGV 1 options: group, consumerId, inboxIds
-- Returns { entries deleted, id, ... }: how many another client deleted from the inbox while they were
-- pending, and the ids that the consumer no longer holds, the deleted included.
--
-- Atomic, so that a consumer that slept renews only the entries that it still holds, and takes nothing back from
-- the consumer that reclaimed them.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'hash')
if wrong then return wrong end

local PAGE = 1000
local group, consumer = options.group, options.consumerId

-- The ids of all entries that are pending with the consumer, as a set.
local function pending_ids()
  local all, start = {}, '-'
  repeat
    local page = redis.call('XPENDING', KEYS[1], group, start, '+', PAGE, consumer)
    for _, entry in ipairs(page) do
      all[entry[1]] = true
      start = '(' .. entry[1]
    end
  until #page < PAGE
  return all
end

local reply, deleted, pending, held = { 0 }, 0, pending_ids(), {}
for _, id in ipairs(options.inboxIds) do
  if pending[id] then
    held[#held + 1] = id
  else
    reply[#reply + 1] = id
  end
end

local function lose(id)
  deleted = deleted + 1
  reply[#reply + 1] = id
end

-- Before Redis 7.0 XCLAIM does not check whether an entry still exists (https://redis.io/docs/latest/commands/xclaim/).
-- REDIS_VERSION_NUM came with 7.0.
if not redis.REDIS_VERSION_NUM then
  local here = {}
  for _, id in ipairs(held) do
    if message_of(KEYS[1], id) then
      here[#here + 1] = id
    else
      redis.call('XACK', KEYS[1], group, id)
      lose(id)
    end
  end
  held = here
end

for first = 1, #held, PAGE do
  local args = { 'XCLAIM', KEYS[1], group, consumer, 0 }
  for i = first, math.min(first + PAGE - 1, #held) do
    args[#args + 1] = held[i]
  end
  args[#args + 1] = 'JUSTID'
  local renewed = {}
  for _, id in ipairs(redis.call(unpack(args))) do
    renewed[id] = true
  end
  -- XCLAIM has dropped the entries that no longer exist from the pending list.
  for i = first, math.min(first + PAGE - 1, #held) do
    if not renewed[held[i]] then lose(held[i]) end
  end
end
if deleted > 0 then redis.call('HINCRBY', KEYS[2], 'lost', deleted) end
reply[1] = deleted
return reply
