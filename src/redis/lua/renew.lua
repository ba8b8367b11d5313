-- Keeps entries that a consumer still works on from being reclaimed.
--
-- KEYS 1 inbox  2 counters
-- ARGV 1 options: group, consumerId, inboxIds (at most 1,000)
-- Returns { entries deleted, id, ... }: how many another client deleted from the inbox while they were
-- pending, and the ids that the consumer no longer holds, the deleted included.
--
-- Atomic, so that a consumer that slept renews only the entries that it still holds, and takes nothing back from
-- the consumer that reclaimed them.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'hash')
if wrong then return wrong end

local group, consumer = options.group, options.consumerId
local reply, deleted, held = { 0 }, 0, {}
for _, id in ipairs(options.inboxIds) do
  if pending_entry(KEYS[1], group, id, consumer) then
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

if #held > 0 then
  local command = { 'XCLAIM', KEYS[1], group, consumer, 0, unpack(held) }
  command[#command + 1] = 'JUSTID'
  local renewed = {}
  for _, id in ipairs(redis.call(unpack(command))) do
    renewed[id] = true
  end
  -- XCLAIM has dropped the entries that no longer exist from the pending list.
  for _, id in ipairs(held) do
    if not renewed[id] then lose(id) end
  end
end
if deleted > 0 then redis.call('HINCRBY', KEYS[2], 'lost', deleted) end
reply[1] = deleted
return reply
