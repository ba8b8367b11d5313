-- Dead letters that stop an order (onDead halt). The zset halted, with scores 0, has a member for each: its place, the id of the
-- dead letter, and its key as JSON, '' in total order, with a byte 0 between them. While the message is tried again, `>` and the
-- id of its entry in the inbox stand for the dead letter.
--
-- A place is where a result stands in the order: the id of its message, both numbers padded so that texts compare as numbers do.

local PLACE = 41
-- Members at one place; only another program writes more than one.
local MOST_AT_PLACE = 1000

-- The place of an id; nil if it is none.
local function place_of(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return ms and string.rep('0', 20 - #ms) .. ms .. '-' .. string.rep('0', 20 - #seq) .. seq
end

local function halts_at(halted, place)
  return redis.call('ZRANGEBYLEX', halted, '[' .. place .. '\0', '(' .. place .. '\1', 'LIMIT', 0, MOST_AT_PLACE)
end

local function halt_member(place, letter, key)
  return place .. '\0' .. letter .. '\0' .. key
end

-- What a member says: place, letter (id of the dead letter), entry (in the inbox, while it is tried again), key. Nil if another
-- program wrote it.
local function halt_in(member)
  local place, letter, key = string.match(member, '^(%d+%-%d+)%z([^%z]*)%z([^%z]*)$')
  if not place or #place ~= PLACE then return nil end
  local entry = string.match(letter, '^>(%d+%-%d+)$')
  if letter ~= '' and not entry and not string.find(letter, '^%d+%-%d+$') then return nil end
  return { place = place, letter = letter, entry = entry, key = key }
end
