-- The messages of both streams of the inbox, for scripts that read; they use pack-counts, too.

-- How many messages are in all packs, by what was counted. Without packs it is none: relay puts the counter right then.
local function messages_in_packs(packs, counters)
  if redis.call('XLEN', packs) == 0 then return 0 end
  return integer_of(redis.call('HGET', counters, 'packed')) or 0
end

-- How many messages are in packs that consumers hold, and how many with each consumer. Each consumer holds a few packs; after
-- 10,000 packs it ends.
local function pending_in_packs(packs, group)
  local sum, with, from, pages = 0, {}, '-', 0
  repeat
    -- pcall: the group may not exist yet.
    local page = redis.pcall('XPENDING', packs, group, from, '+', 1000)
    for _, entry in ipairs(page) do
      local messages = count_in(entry[1])
      sum, with[entry[2]] = sum + messages, (with[entry[2]] or 0) + messages
      from = '(' .. entry[1]
    end
    pages = pages + 1
  until #page < 1000 or pages == 10
  return sum, with
end

-- The oldest entry of a stream; nil for none. Entries are delivered in their order, so the oldest pending one is the oldest of
-- all, unless some were handed back. One read: Redis replies with the whole message.
local function oldest_in(stream, group, returned)
  -- pcall: the group may not exist yet.
  local pending = returned == 0 and redis.pcall('XPENDING', stream, group, '-', '+', 1)[1]
  local entry = pending and redis.call('XRANGE', stream, pending[1], pending[1])[1]
  return entry or redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
end

-- The id of the message of an entry: a message that came out of a pack has kept its own.
local function identity_of(entry)
  local own = by_name(entry[2]).id
  return own and string.match(own, '^%d+%-%d+$') or entry[1]
end

-- The id of the oldest unsettled message, or pack, of both streams, '' for none. No pack is handed back: so the oldest pending
-- one is the oldest of them.
local function oldest_of_both(inbox, packs, group, returned)
  local one, pack = oldest_in(inbox, group, returned), oldest_in(packs, group, 0)
  local id = one and identity_of(one) or ''
  if id == '' or (pack and id_after(id, pack[1])) then return pack and pack[1] or id end
  return id
end
