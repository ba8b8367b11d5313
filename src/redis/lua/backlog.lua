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

-- Pending entries that are looked at, to find one that waits for no attempt.
local MOST_LOOKED = 1000

-- The id of the oldest pending entry that does not wait for its next attempt; nil for none among the first 1,000. And that of the
-- oldest one that does, nil for none. Entries that wait are few, or the first is none of them: so one look is mostly enough.
local function oldest_pending(stream, group, retry)
  local waits
  for _, count in ipairs({ 1, MOST_LOOKED }) do
    -- pcall: the group may not exist yet.
    local page = redis.pcall('XPENDING', stream, group, '-', '+', count)
    for _, entry in ipairs(page) do
      if not retry or not redis.call('ZSCORE', retry, entry[1]) then return entry[1], waits end
      waits = waits or entry[1]
    end
    if #page < count then break end
  end
  return nil, waits
end

-- The oldest entry that was handed back; nil for none. Their scores are counts of attempts: members of one score are in the order of
-- their ids, and there are few scores.
local function oldest_returned(retry, below)
  local oldest, least = nil, '-inf'
  for _ = 1, 20 do
    local found = redis.call('ZRANGEBYSCORE', retry, least, '(' .. below, 'WITHSCORES', 'LIMIT', 0, 1)
    local id = found[1]
    if not id then break end
    if string.find(id, '^%d+%-%d+$') and (not oldest or id_after(oldest, id)) then oldest = id end
    least = '(' .. found[2]
  end
  return oldest
end

-- The entry of the inbox that has waited or been in work for longest: entries are delivered in their order, so it is a pending one, or
-- one that was handed back, or the first that no consumer has read. And the id of the oldest that waits for its next attempt.
local function oldest_in_inbox(stream, group, retry, returned_below)
  local id, waits = oldest_pending(stream, group, retry)
  local back = oldest_returned(retry, returned_below)
  if back and (not id or id_after(id, back)) then id = back end
  -- Redis replies with the whole message: so one entry is read.
  local entry = id and redis.call('XRANGE', stream, id, id)[1]
  if entry then return entry, waits end
  local info = group_info(stream, group)
  local after = info and info['last-delivered-id'] or '0-0'
  return redis.call('XRANGE', stream, '(' .. after, '+', 'COUNT', 1)[1], waits
end

-- The oldest pack; nil for none. No pack waits for an attempt, and none is handed back.
local function oldest_pack(packs, group)
  local id = oldest_pending(packs, group)
  local pack = id and redis.call('XRANGE', packs, id, id)[1]
  return pack or redis.call('XRANGE', packs, '-', '+', 'COUNT', 1)[1]
end

-- The id of the message of an entry: a message that came out of a pack has kept its own.
local function identity_of(entry)
  local own = by_name(entry[2]).id
  return own and string.match(own, '^%d+%-%d+$') or entry[1]
end

-- Of both streams: the id of the oldest message, or pack, that waits or is in work, '' for none; the id of the oldest entry that waits
-- for its next attempt, '' for none; and when the next attempt is due, as text, '' for none.
local function oldest_of_both(inbox, packs, group, retry, returned_below)
  local one, waits = oldest_in_inbox(inbox, group, retry, returned_below)
  local pack = oldest_pack(packs, group)
  local id = one and identity_of(one) or ''
  if pack and (id == '' or id_after(id, pack[1])) then id = pack[1] end
  local due = redis.call('ZRANGEBYSCORE', retry, returned_below, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  return id, waits or '', due[2] or ''
end
