-- Lets out the results that wait for nothing any more: after a call that left some, or when what preceded them was settled as a
-- dead letter, or deleted by another client.
--
-- USES sink halts total
-- KEYS 1 inbox  2 output  3 counters  4 processed  5 retry  6 parked  7 halted
-- ARGV 1 options: maxLength, list (true if the output is a list)
-- Returns { results that wait for earlier ones, 1 if more may go out at once, else 0, {}, { when each was finished } }.
--
-- Atomic, as commit-ordered.lua. Each result is written before it leaves the zset; if Redis refuses one, it and all after it
-- still wait. Sent twice, the second finds nothing.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], options.list and 'list' or 'stream', KEYS[3], 'hash', KEYS[4], 'hash',
  KEYS[6], 'zset', KEYS[7], 'zset')
if wrong then return wrong end

if redis.call('ZCARD', KEYS[6]) == 0 then return { 0, 0, {}, {} } end
redis.call('ZREM', KEYS[6], '')
try_counting()
local more, finished, refusal = let_out()
count_written()
if refusal then return refusal end
return { redis.call('ZCARD', KEYS[6]), more and 1 or 0, {}, finished }
