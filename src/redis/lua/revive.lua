-- Sends dead letters back to the inbox, each as a new entry.
--
-- KEYS 1 dead  2 inbox  3 counters  4 previews
-- ARGV 1 options: ids (of dead letters)
-- Returns { how many of the ids it came to, the ids that were found and sent back ... }. After a megabyte it ends: Redis copies
-- each message, and does nothing else meanwhile.
--
-- Atomic, so that a dead letter is never in both streams or in none. Sent twice, the second finds nothing to move. If Redis
-- refuses a command, the dead letters before it are sent back, and the others stay as they are: each is written
-- before it is removed, and the other commands are tried first, in a form that changes nothing.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream', KEYS[3], 'hash', KEYS[4], 'stream')
if wrong then return wrong end

redis.call('XDEL', KEYS[1], '0-0')
count(KEYS[3], 'revived', 0)

local LARGEST_CALL = 1000000
local revived, refusal, done, bytes = {}, nil, 0, 0
for n, id in ipairs(options.ids) do
  if bytes >= LARGEST_CALL then break end
  done = n
  local message = message_of(KEYS[1], id)
  if message then
    local added = redis.pcall('XADD', KEYS[2], '*', 'message', message)
    if type(added) == 'table' then
      refusal = not_added(KEYS[2], added)
      break
    end
    redis.call('XDEL', KEYS[1], id)
    redis.pcall('XDEL', KEYS[4], id)
    revived[#revived + 1] = id
    bytes = bytes + #message
  end
end
if #revived > 0 then
  count(KEYS[3], 'dead', -#revived)
  count(KEYS[3], 'revived', #revived)
end
return refusal or { done, unpack(revived) }
