-- A page of dead letters, newest first, long texts cut.
--
-- KEYS 1 dead
-- ARGV 1 options: from (newest id wanted, as XREVRANGE takes it: '+', or '(ID' for those before), count (how many),
--        longest (bytes of the longest text)
-- Returns { { id, bytes of the message, field, value, ... }, ... }
--
-- A script, because a single message may be larger than everything that a page shows. Costs O(dead letters in the page).
local wrong = wrong_type(KEYS[1], 'stream')
if wrong then return wrong end

local longest = tonumber(options.longest)
local page = {}
for _, entry in ipairs(redis.call('XREVRANGE', KEYS[1], options.from, '-', 'COUNT', options.count)) do
  local letter, fields = { entry[1], 0 }, entry[2]
  for i = 1, #fields, 2 do
    if fields[i] == 'message' then letter[2] = #fields[i + 1] end
    letter[#letter + 1] = fields[i]
    letter[#letter + 1] = string.sub(fields[i + 1], 1, longest)
  end
  page[#page + 1] = letter
end
return page
