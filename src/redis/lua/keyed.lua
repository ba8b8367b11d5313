-- Order by key: what goes on when a message of a key is settled. Scripts that use it have the keys: 1 inbox  3 counters  8 busy
-- 9 held.
--
-- The hash busy has an entry for each key with an unsettled message: the id of the one that is in the inbox. Its others wait in
-- held, in the order of their numbers. A key is JSON, so no key holds the byte 0.

-- The first of the messages that wait behind a key, at most so many: members of held.
local function held_behind(key, most)
  return redis.call('ZRANGEBYLEX', KEYS[9], '[' .. key .. '\0', '(' .. key .. '\1', 'LIMIT', 0, most)
end

local NUMBER = 16

-- The message that a member of held holds.
local function message_held(member, key)
  return string.sub(member, #key + NUMBER + 3)
end

-- A message of the key is settled: the next one takes its place in the inbox. Only the entry that keeps the key busy frees
-- it. If Redis refuses to write the next one, the key stays busy (see free.lua).
local function free_key(key, id)
  if redis.call('HGET', KEYS[8], key) ~= id then return end
  local member = held_behind(key, 1)[1]
  if not member then
    redis.call('HDEL', KEYS[8], key)
    return
  end
  local added = redis.pcall('XADD', KEYS[1], '*', 'message', message_held(member, key), 'key', key)
  if type(added) == 'table' then return end
  redis.call('HSET', KEYS[8], key, added)
  redis.call('ZREM', KEYS[9], member)
end
