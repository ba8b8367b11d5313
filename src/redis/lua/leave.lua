-- A consumer leaves the group, page by page: hands back the entries that it holds and, after the last page, removes itself.
--
-- KEYS 1 inbox  2 retry  3 processed
-- ARGV 1 options: group, consumerId, from and to (the inbox ids of the page; '-' and '+' for all), count (look at most at so
--        many entries), attempts (attempts made, by inbox id, on the entries of the page that it knows)
-- Returns { how many entries were handed back, inbox id to go on with, or '' at the end }.
--
-- Each page is atomic: a handed-back entry is no longer pending, and due at once for the first consumer that asks. The
-- removal is in the script that finds nothing pending: XGROUP DELCONSUMER would drop an entry that became pending
-- with the consumer after an earlier check. Failed entries keep their wait and stay pending with the consumer, which then
-- stays in the Redis group until they are taken (see sweep).
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'zset', KEYS[3], 'hash')
if wrong then return wrong end

local group, consumer, attempts = options.group, options.consumerId, options.attempts
local page = redis.call('XPENDING', KEYS[1], group, options.from, options.to, options.count, consumer)
local scores, back = { 'ZADD', KEYS[2] }, {}
for _, entry in ipairs(page) do
  local id = entry[1]
  if not redis.call('ZSCORE', KEYS[2], id) then
    -- Unknown to the consumer: delivered in a reply that it never got, so no attempt has begun.
    scores[#scores + 1] = attempts[id] or math.max(0, entry[4] - 1)
    scores[#scores + 1] = id
    back[#back + 1] = id
  end
end
if #back > 0 then
  redis.call(unpack(scores))
  call_with_ids(back, 'XACK', KEYS[1], group)
end
if #page == tonumber(options.count) then return { #back, '(' .. page[#page][1] } end
if options.to ~= '+' then return { #back, '(' .. options.to } end

if #redis.call('XPENDING', KEYS[1], group, '-', '+', 1, consumer) == 0 then
  redis.call('XGROUP', 'DELCONSUMER', KEYS[1], group, consumer)
  redis.call('HDEL', KEYS[3], consumer)
end
return { #back, '' }
