-- A page of an output that is a list. The number of an element says how many results the group wrote before it, if they are
-- taken from the left only. So it stays the same while the group appends, and while others take from the left.
--
-- USES output-list
-- KEYS 1 output  2 counters
-- ARGV 1 options: from (number of the first element; none for the oldest), count (at most so many), last (the number of an
--        element behind the page)
-- Returns { number of the first element, mark of the element before `from`, mark of the element `last`, mark of the last element
--           of the page, elements ... }. A mark is '' if there is no such element any more, or no `from`.
--
-- Atomic, because numbers follow from the length of the list and the count of results at one moment. The caller compares the marks
-- with those that it knows: they differ if others took elements from the right or from the middle. Costs what it returns, and
-- the walk to the place in the list.
local wrong = wrong_type(KEYS[1], 'list', KEYS[2], 'hash')
if wrong then return wrong end

local oldest = (integer_of(redis.call('HGET', KEYS[2], 'processed')) or 0) - redis.call('LLEN', KEYS[1])
local from = math.max(oldest, tonumber(options.from or oldest))
-- The element before comes with the others: each walk to a place in a long list takes its time.
local has_before = options.from and from > oldest
local elements = redis.call('LRANGE', KEYS[1], from - oldest - (has_before and 1 or 0), from - oldest + options.count - 1)
local before = mark_of(has_before and table.remove(elements, 1))
-- An index below 0 would count from the right. The last one is near the end of the list.
local last = tonumber(options.last)
return {
  from,
  before,
  last >= oldest and mark_at(KEYS[1], last - oldest) or '',
  mark_of(elements[#elements]),
  unpack(elements),
}
