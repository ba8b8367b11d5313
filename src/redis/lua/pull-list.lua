-- Takes messages from one end of a list and writes them to the inbox, or to the packs, in the same order.
--
-- USES append pack-counts keyed hold pulling
-- KEYS 1 source  2 inbox  3 counters  4 bridge  5 packs  6 busy  7 held
-- ARGV 1 options: fromRight (true: from the right end of the list), most (messages), mostBytes (of messages, about), packSize,
--        largestPack, keys and page (see pulling), mostAhead (see append)
-- Returns { messages, 1 if more may be there or 3 if the page is not the one that the caller read: then nothing is written }
--
-- Atomic, because a message must leave the list in the moment in which it is in the inbox. What is written comes before what is
-- removed: LTRIM is tried first, in a form that changes nothing, and comes last. If Redis refuses anything before it, all is
-- undone, and the list is as before. Sent twice, it takes the next messages.
--
-- `pulled_at` in the bridge hash tells when the group was alive (see prepare), `last` the id of the last message.
local wrong = wrong_type(KEYS[1], 'list', KEYS[2], 'stream', KEYS[3], 'hash', KEYS[4], 'hash', KEYS[5], 'stream',
  KEYS[6], 'hash', KEYS[7], 'zset')
if wrong then return wrong end

local most, most_bytes, right = tonumber(options.most), tonumber(options.mostBytes), options.fromRight

-- So many messages after the first `skipped`, in the order in which they are to be taken.
local function page_of(skipped, size)
  if not right then return redis.call('LRANGE', KEYS[1], skipped, skipped + size - 1) end
  local backwards = redis.call('LRANGE', KEYS[1], -skipped - size, -skipped - 1)
  local page = {}
  for i = #backwards, 1, -1 do
    page[#page + 1] = backwards[i]
  end
  return page
end

local messages, bytes, size, is_over = {}, 0, 1, false
while not is_over and #messages < most and bytes < most_bytes do
  size = math.min(size, most - #messages)
  local page = page_of(#messages, size)
  is_over = #page < size
  for _, message in ipairs(page) do
    if bytes >= most_bytes then break end
    messages[#messages + 1], bytes = message, bytes + #message
    note(message)
  end
  size = math.min(2 * size, LONGEST_PAGE)
end

if not is_same_page() then return { 0, 3 } end
if #messages == 0 then
  redis.call('HSET', KEYS[4], 'pulled_at', now_ms())
  return { 0, 0 }
end
local proof = redis.pcall('LTRIM', KEYS[1], 0, -1)
if proof.err then return proof end
local refusal = write_all(messages, {})
if refusal then return refusal end
if right then
  redis.call('LTRIM', KEYS[1], 0, -#messages - 1)
else
  redis.call('LTRIM', KEYS[1], #messages, -1)
end
return { #messages, is_over and 0 or 1 }
