-- Counts the messages of consumers that are gone which no consumer will take. An entry that waits for a retry is not
-- counted: a consumer takes it when it is due.
--
-- USES pack-counts
-- KEYS 1 inbox, or packs  2 retry
-- ARGV 1 options: group, silence (least silence in ms), from (entry id to begin with, or '-'), count (check at most so
--        many), live (ids of the live consumers), packs (true if they are packs: their messages are counted)
-- Returns { id to go on with, or '' at the end, consumer, messages, longest silence in ms, ... }.
--
-- Atomic, because an entry that comes due between a check of the retry zset and a check of its holder would be counted as
-- abandoned. Changes nothing.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'zset')
if wrong then return wrong end

local live = {}
for _, id in ipairs(options.live) do
  live[id] = true
end

-- pcall: the group may not exist yet.
local page = redis.pcall('XPENDING', KEYS[1], options.group, 'IDLE', options.silence, options.from, '+', options.count)
if page.err then
  if string.find(page.err, 'NOGROUP', 1, true) then return { '' } end
  return page
end

local names, found = {}, {}
for _, entry in ipairs(page) do
  local id, consumer, idle = entry[1], entry[2], entry[3]
  if not live[consumer] and not redis.call('ZSCORE', KEYS[2], id) then
    if not found[consumer] then
      names[#names + 1] = consumer
      found[consumer] = { 0, 0 }
    end
    local messages = options.packs and count_in(id) or 1
    found[consumer] = { found[consumer][1] + messages, math.max(found[consumer][2], idle) }
  end
end

local reply = { #page < tonumber(options.count) and '' or '(' .. page[#page][1] }
for _, name in ipairs(names) do
  reply[#reply + 1] = name
  reply[#reply + 1] = found[name][1]
  reply[#reply + 1] = found[name][2]
end
return reply
