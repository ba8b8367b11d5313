-- Ends order by key: the group has another order now. Messages that wait behind others of their key go to the inbox, as messages
-- without a key. Dead letters that stopped their key stop nothing any more.
--
-- USES pack-counts keyed halts
-- KEYS 1 inbox  2 held  3 busy  4 counters  5 packs  6 bridge  7 halted
-- ARGV 1 options: none
-- Returns { messages that went to the inbox, 1 if there may be more, else 0 }.
--
-- Atomic, so that a message is never in both keys or in none. One call moves about 500 messages, or about 1 MB. If Redis refuses
-- a message, those before it are moved, and the others stay: each is written before it is removed, and the other commands are
-- tried first, in a form that changes nothing.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'zset', KEYS[3], 'hash', KEYS[4], 'hash', KEYS[5], 'stream',
  KEYS[6], 'hash', KEYS[7], 'zset')
if wrong then return wrong end

name_keys(KEYS[5], KEYS[1], KEYS[4], KEYS[6], KEYS[3], KEYS[2])
local MOST, MOST_BYTES = 500, 1000000
local moved, bytes, foreign, size, refusal = {}, 0, 0, 1, nil
try_freeing()
while not refusal and #moved < MOST and bytes < MOST_BYTES do
  local page = redis.call('ZRANGEBYLEX', KEYS[2], '-', '+', 'LIMIT', #moved, size)
  for _, member in ipairs(page) do
    local key = string.match(member, '^%Z*')
    local message, past = message_held(member, key)
    local added = message and add_unit(nil, '0-0', { messages = { message }, past = past })
    if type(added) == 'table' then
      refusal = not_added(KEYS[1], added)
      break
    end
    if not message then foreign = foreign + 1 end
    moved[#moved + 1], bytes = member, bytes + #member
  end
  if #page < size then break end
  size = math.max(1, math.min(50, 2 * size, math.floor((MOST_BYTES - bytes) * #moved / math.max(1, bytes))))
end
call_with_ids(moved, 'ZREM', KEYS[2])
if foreign > 0 then count(KEYS[4], 'foreignHeld', foreign) end
if refusal then return refusal end
for _, member in ipairs(redis.call('ZRANGEBYLEX', KEYS[7], '-', '+', 'LIMIT', 0, 1000)) do
  local halt = halt_in(member)
  if halt and halt.key ~= '' then redis.call('ZREM', KEYS[7], member) end
end
local more = redis.call('ZCARD', KEYS[2]) > 0
if not more then redis.call('DEL', KEYS[3]) end
return { #moved - foreign, more and 1 or 0 }
