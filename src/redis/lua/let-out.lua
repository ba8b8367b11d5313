-- Lets out the results that wait for nothing any more: after a call that left some, or when what preceded them was settled as a
-- dead letter, or deleted by another client. Notes since when the order waits for the same message.
--
-- USES sink halts total watched
-- KEYS 1 inbox  2 output  3 counters  4 processed  5 retry  6 parked  7 halted  8 bridge
-- ARGV 1 options: group, maxLength, list (true if the output is a list), order (none or key: there is no total order any more, so
--        all results go out), window (most results that wait, for those who watch the group)
-- Returns { results that wait for earlier ones, 1 if more may go out at once, else 0, {}, { when each was finished }, the id of what
--           the order waits for, '' for none, 1 if that is an entry which no consumer has or will get but by a read, else 0 }.
--
-- Atomic, as commit-ordered.lua. Each result is written before it leaves the zset; if Redis refuses one, it and all after it
-- still wait. Sent twice, the second finds nothing.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream or list', KEYS[3], 'hash', KEYS[4], 'hash', KEYS[5], 'zset',
  KEYS[6], 'zset', KEYS[7], 'zset', KEYS[8], 'hash')
if wrong then return wrong end
wrong = wrong_type(KEYS[2], options.list and 'list' or 'stream')
if wrong then return wrong end

local is_total = options.order == 'total'

note('orderWindow', is_total and options.window or '')
if redis.call('ZCARD', KEYS[6]) == 0 then
  note('head', '')
  return { 0, 0, {}, {}, '', 0 }
end
try_letting_out()
try_counting()
local first = is_total and first_id() or ''
local limit, entry
if is_total then limit, entry = limit_at(first) end
local more, finished, refusal = let_out(limit)
count_written()
if refusal then return refusal end

local head = id_at(limit)
note_head(head)

return { redis.call('ZCARD', KEYS[6]), more and 1 or 0, {}, finished, head, is_unread(entry) and 1 or 0 }
