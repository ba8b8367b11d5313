-- A consumer hands back the entries that it holds, page by page, and, after the last page, leaves the group, unless it stays.
--
-- USES pack-counts packs keyed runs
-- KEYS 1 packs  2 inbox  3 counters  4 retry  5 processed  6 bridge  7 busy  8 held
-- ARGV 1 options: group, consumerId, from and to (the entry ids of the page; '-' and '+' for all), count (look at most at so
--        many entries), attempts (attempts made, by entry id, on the entries of the page that it knows), stays (whether it
--        stays in the group)
-- Returns { how many messages were handed back, entry id to go on with, or '' at the end }.
--
-- Each page is atomic: a handed-back entry is no longer pending, and due at once for the first consumer that asks. The
-- removal is in the script that finds nothing pending: XGROUP DELCONSUMER would drop an entry that became pending
-- with the consumer after an earlier check. Failed entries keep their wait and stay pending with the consumer, which then
-- stays in the Redis group until they are taken (see sweep).
--
-- Packs come last. The consumer has settled those that it knows: the others came in a reply that it never got, so no attempt
-- has begun on their messages, which go back to the inbox, at most 1,000 messages in a call (those of runs: see runs.lua).
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream', KEYS[3], 'hash', KEYS[4], 'zset', KEYS[5], 'hash',
  KEYS[6], 'hash', KEYS[7], 'hash', KEYS[8], 'zset')
if wrong then return wrong end
name_keys(KEYS[1], KEYS[2], KEYS[3], KEYS[6], KEYS[7], KEYS[8])

local MOST_PACKS = 4
local inbox, retry, group, consumer, attempts = KEYS[2], KEYS[4], options.group, options.consumerId, options.attempts
local page = redis.call('XPENDING', inbox, group, options.from, options.to, options.count, consumer)
local scores, back = { 'ZADD', retry }, {}
for _, entry in ipairs(page) do
  local id = entry[1]
  if not redis.call('ZSCORE', retry, id) then
    -- Unknown to the consumer: delivered in a reply that it never got, so no attempt has begun.
    scores[#scores + 1] = attempts[id] or math.max(0, entry[4] - 1)
    scores[#scores + 1] = id
    back[#back + 1] = id
  end
end
if #back > 0 then
  redis.call(unpack(scores))
  call_with_ids(back, 'XACK', inbox, group)
end
if #page == tonumber(options.count) then return { #back, '(' .. page[#page][1] } end
if options.to ~= '+' then return { #back, '(' .. options.to } end

-- pcall: the packs may have no group.
local packs = redis.pcall('XPENDING', KEYS[1], group, '-', '+', MOST_PACKS, consumer)
local sum = #back
if #packs > 0 then
  local is_done, raised = pcall(function()
    try_removal()
    try_freeing()
    for _, entry in ipairs(packs) do
      sum = sum + explode(entry[1], 0)
    end
  end)
  if not is_done then return refusal_of(raised) end
  if #packs == MOST_PACKS then return { sum, '+' } end
end

if not options.stays and #redis.call('XPENDING', inbox, group, '-', '+', 1, consumer) == 0 then
  redis.call('XGROUP', 'DELCONSUMER', inbox, group, consumer)
  if not packs.err then redis.call('XGROUP', 'DELCONSUMER', KEYS[1], group, consumer) end
  redis.call('HDEL', KEYS[5], consumer)
end
return { sum, '' }
