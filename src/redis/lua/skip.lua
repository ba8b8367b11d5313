-- Gives up the places of halted messages: the order goes on. The dead letters stay.
--
-- USES sink halts total pack-counts keyed
-- KEYS 1 inbox  2 output  3 counters  4 processed  5 retry  6 parked  7 halted  8 busy  9 held  10 packs  11 bridge
-- ARGV 1 options: large (of the list), list (true if the output is a list), maxLength (of the output; 0: it is not trimmed),
--        letsOut (false if the type of the output is not known: then results wait for the next call that lets some out), run
--        (see keyed.lua)
--      2... list of members of halted
-- Returns { how many of the members it came to, { numbers, from 1, of those whose places were given up }, 1 if more results may go
--           out, else 0 }. After a megabyte it ends.
--
-- Atomic, so that a place is given up only as it was read: a message that is tried again meanwhile keeps it. If that
-- message is gone from the inbox, because another program deleted its entry, its place can be given up, too.
--
-- What waits behind a place is written before the place is removed. If Redis refuses that, the places before it are given up, and
-- the others not. Results that Redis refuses to write still wait, and those that go to the record first. Sent twice, the second
-- finds nothing.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream or list', KEYS[3], 'hash', KEYS[4], 'hash',
  KEYS[5], 'zset', KEYS[6], 'zset', KEYS[7], 'zset', KEYS[8], 'hash', KEYS[9], 'zset',
  KEYS[10], 'stream', KEYS[11], 'hash')
if wrong then return wrong end
wrong = wrong_type(KEYS[2], options.list and 'list' or 'stream')
if wrong then return wrong end

name_keys(KEYS[10], KEYS[1], KEYS[3], KEYS[11], KEYS[8], KEYS[9])
redis.call('ZREM', KEYS[7], '')
try_freeing()
local done, skipped, refusal = 0, {}, nil

-- Whether a member is still there, and its message is not in work.
local function can_skip(member)
  if not redis.call('ZSCORE', KEYS[7], member) then return false end
  local halt = halt_in(member)
  return not (halt and halt.entry and message_of(KEYS[1], halt.entry))
end

-- The next message of the key goes to the inbox. Returns false if it could not: the call has moved enough, or Redis refused it.
local function go_on(halt)
  if not halt or halt.key == '' then return true end
  local left
  left, refusal = free_keys({ halt.key }, { halt.entry or '!' .. halt.place })
  return #left == 0
end

for n, member in ipairs(packed_list()) do
  if can_skip(member) then
    if not go_on(halt_in(member)) then break end
    redis.call('ZREM', KEYS[7], member)
    skipped[#skipped + 1] = n
  end
  done = n
end
local more, finished, stuck = false, nil, nil
if options.letsOut and redis.call('ZCARD', KEYS[6]) > 0 then
  try_letting_out()
  try_counting()
  more, finished, stuck = let_out((limit_at(first_id())), true)
  count_written()
end
return refusal or { done, skipped, more and not stuck and 1 or 0 }
