-- Makes the group ready: checks the type of every key and creates the consumer group, of the inbox and of the packs.
--
-- KEYS 1 inbox  2 output  3 dead  4 retry  5 counters  6 bridge  7 processed  8 gaps  9 packs
-- ARGV 1 options: group, channel (none if the caller does not relay)
-- Returns 1 if a group was created, 0 if both existed. Refuses an output that a running group with other names uses.
--
-- Atomic, so that of two processes that start together one creates it. The group reads from 0, never from $:
-- the inbox holds the unsettled entries and nothing else, so all of them are still to be processed. That includes
-- entries that wait for a retry: they leave the retry zset, or they would be processed again when their time comes. They leave
-- it before the group is created: if Redis refuses to create it, the next call begins again.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream', KEYS[3], 'stream', KEYS[4], 'zset',
  KEYS[5], 'hash', KEYS[6], 'hash', KEYS[7], 'hash', KEYS[8], 'stream', KEYS[9], 'stream')
if wrong then return wrong end

-- Whether a bridge is subscribed: it marks ten times a second, and its seat shows when.
local function in_use()
  local state, now = redis.call('HGETALL', KEYS[6]), now_ms()
  for i = 1, #state, 2 do
    if string.sub(state[i], 1, 5) == 'seat:' and math.abs(now - state[i + 1]) < 2000 then return true end
  end
  return false
end

-- Two channels in one inbox would each move the position past the messages of the other, and two Redis groups on it
-- would each process everything.
for _, name in ipairs({ 'group', 'channel' }) do
  local ours, theirs = options[name], redis.call('HGET', KEYS[6], name)
  if ours and theirs and theirs ~= ours and in_use() then
    return redis.error_reply('KEYTYPE ' .. KEYS[2] .. ' is the output of a running group with ' .. name .. ' ' .. theirs)
  end
end
redis.call('HSET', KEYS[6], 'group', options.group)
if options.channel then redis.call('HSET', KEYS[6], 'channel', options.channel) end

-- The error of a stream without the group; nil if it has it.
local function missing(stream)
  return redis.pcall('XPENDING', stream, options.group, '-', '+', 1).err
end

local of_packs, of_inbox = missing(KEYS[9]), missing(KEYS[1])
for _, err in ipairs({ of_packs or 'NOGROUP', of_inbox or 'NOGROUP' }) do
  if not string.find(err, 'NOGROUP', 1, true) then return { err = err } end
end

local function create(stream)
  redis.call('XGROUP', 'CREATE', stream, options.group, '0', 'MKSTREAM')
end

if of_packs then create(KEYS[9]) end
if not of_inbox then return of_packs and 1 or 0 end
redis.call('DEL', KEYS[4])
create(KEYS[1])
return 1
