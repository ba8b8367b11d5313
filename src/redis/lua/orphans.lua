-- Counts what lies with consumers that are gone, and is left to nobody: what waits for a retry is taken when it is due.
--
-- KEYS 1 inbox  2 retry
-- ARGV 1 group  2 least silence in ms  3 inbox id to begin with, or '-'  4 at most so many looked at  5... ids of the live
-- Returns { inbox id to go on with, or '' at the end, consumer, entries, longest silence in ms, ... }.
--
-- Atomic, because an entry that comes due between a look at the retry zset and one at who holds it would be taken for
-- abandoned. Changes nothing.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'zset')
if wrong then return wrong end

local live = {}
for i = 5, #ARGV do
  live[ARGV[i]] = true
end

-- pcall: the group may not be there yet.
local page = redis.pcall('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[2], ARGV[3], '+', ARGV[4])
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
    found[consumer] = { found[consumer][1] + 1, math.max(found[consumer][2], idle) }
  end
end

local reply = { #page < tonumber(ARGV[4]) and '' or '(' .. page[#page][1] }
for _, name in ipairs(names) do
  reply[#reply + 1] = name
  reply[#reply + 1] = found[name][1]
  reply[#reply + 1] = found[name][2]
end
return reply
