-- The keys behind which most messages wait (order by key).
--
-- KEYS 1 held  2 busy
-- ARGV 1 options: most (keys in the reply, at most)
-- Returns { keys that are busy, key, messages that wait behind it, key, ... }, the hottest first.
--
-- Atomic, so that the counts fit together. Looks at 100 places of held at equal distances, so it finds each key that has a
-- hundredth of it, whatever its size. It ends after a megabyte, because Redis replies with the messages.
local wrong = wrong_type(KEYS[1], 'zset', KEYS[2], 'hash')
if wrong then return wrong end

local PLACES, MOST_BYTES = 100, 1000000
local size, found, all, bytes = redis.call('ZCARD', KEYS[1]), {}, {}, 0
for place = 0, math.min(PLACES, size) - 1 do
  local rank = math.floor(place * size / math.min(PLACES, size))
  local member = redis.call('ZRANGE', KEYS[1], rank, rank)[1]
  local key = string.match(member, '^(%Z*)%z')
  if key and not found[key] then
    found[key] = true
    all[#all + 1] = { key, redis.call('ZLEXCOUNT', KEYS[1], '[' .. key .. '\0', '(' .. key .. '\1') }
  end
  bytes = bytes + #member
  if bytes >= MOST_BYTES then break end
end
table.sort(all, function(a, b)
  return a[2] > b[2] or a[2] == b[2] and a[1] < b[1]
end)
local reply = { redis.call('HLEN', KEYS[2]) }
for i = 1, math.min(#all, tonumber(options.most)) do
  reply[2 * i], reply[2 * i + 1] = all[i][1], all[i][2]
end
return reply
