-- One reading of the whole group, all of it true at one moment: relayed = processed + dead + backlog + parked + lost.
--
-- USES pack-counts backlog output-list
-- KEYS 1 inbox  2 output  3 dead  4 retry  5 counters  6 bridge  7 processed  8 previews (of dead letters)
--      9 packs  10 held  11 halted  12 parked
-- ARGV 1 options: group, returnedBelow (scores in the retry zset below this are not times), withLastOutput
-- Returns { sums as of totals, { { consumer, pending }, ... }, processed by consumer, entries in output, last id of dead,
--           if asked for: last id of output, or the mark of the last element if it is a list }
--
-- Atomic, because sums over several keys mean nothing otherwise. Costs O(consumers and the packs that they hold), whatever the
-- backlog. Redis tells the last id of a stream only with the whole entry, which may be large: so that of the output is read only
-- on demand.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream or list', KEYS[3], 'stream', KEYS[4], 'zset',
  KEYS[5], 'hash', KEYS[6], 'hash', KEYS[7], 'hash', KEYS[8], 'stream', KEYS[9], 'stream', KEYS[10], 'zset',
  KEYS[11], 'zset', KEYS[12], 'zset')
if wrong then return wrong end

-- What prepare wrote. Processes of versions that did not, write a stream.
local is_list = redis.call('HGET', KEYS[6], 'outputType') == 'list'
wrong = wrong_type(KEYS[2], is_list and 'list' or 'stream')
if wrong then return wrong end

local function last_id(stream)
  local entry = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  return entry and entry[1] or ''
end

-- pcall: the group may not exist yet.
local pending = redis.pcall('XPENDING', KEYS[1], options.group)
local of_packs, pending_of = pending_in_packs(KEYS[9], options.group)
for _, one in ipairs(pending[4] or {}) do
  pending_of[one[1]] = (pending_of[one[1]] or 0) + one[2]
end
local with = {}
for consumer, messages in pairs(pending_of) do
  with[#with + 1] = { consumer, messages }
end
local held = redis.call('ZCARD', KEYS[10])
local returned = redis.call('ZCOUNT', KEYS[4], '-inf', '(' .. options.returnedBelow)
local oldest, oldest_retry, due = oldest_of_both(KEYS[1], KEYS[9], options.group, KEYS[4], options.returnedBelow)
return {
  {
    now_ms(),
    redis.call('XLEN', KEYS[1]) + messages_in_packs(KEYS[9], KEYS[5]) + held,
    oldest,
    (pending.err and 0 or pending[1]) + of_packs,
    redis.call('ZCARD', KEYS[4]) - returned,
    redis.call('HGETALL', KEYS[5]),
    redis.call('HGETALL', KEYS[6]),
    redis.call('XLEN', KEYS[3]),
    held,
    redis.call('ZCARD', KEYS[11]),
    redis.call('ZCARD', KEYS[12]),
    oldest_retry,
    due,
  },
  with,
  redis.call('HGETALL', KEYS[7]),
  is_list and redis.call('LLEN', KEYS[2]) or redis.call('XLEN', KEYS[2]),
  -- A preview has the id of its letter, and is short.
  last_id(redis.call('XLEN', KEYS[3]) == redis.call('XLEN', KEYS[8]) and KEYS[8] or KEYS[3]),
  options.withLastOutput and (is_list and mark_at(KEYS[2], -1) or last_id(KEYS[2])) or nil,
}
