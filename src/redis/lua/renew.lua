-- Keeps entries that a consumer still works on from being reclaimed.
--
-- USES pack-counts
-- KEYS 1 inbox, or packs  2 counters
-- ARGV 1 options: group, consumerId, ids (at most 1,000), packs (true if they are those of packs)
-- Returns { messages deleted, id, ... }: how many another client deleted while they were
-- pending, and the ids of the entries that the consumer no longer holds, the deleted included.
--
-- Atomic, so that a consumer that slept renews only the entries that it still holds, and takes nothing back from
-- the consumer that reclaimed them.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'hash')
if wrong then return wrong end

local group, consumer = options.group, options.consumerId
local reply, deleted, held = { 0 }, 0, {}
for _, id in ipairs(options.ids) do
  if pending_entry(KEYS[1], group, id, consumer) then
    held[#held + 1] = id
  else
    reply[#reply + 1] = id
  end
end

local renewed = claim(KEYS[1], group, consumer, held)
for _, id in ipairs(held) do
  if not renewed[id] then
    deleted = deleted + (options.packs and count_in(id) or 1)
    reply[#reply + 1] = id
  end
end
if deleted > 0 then
  count(KEYS[2], 'lost', deleted)
  if options.packs then count(KEYS[2], 'packed', -deleted) end
end
reply[1] = deleted
return reply
