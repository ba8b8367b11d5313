-- A page of dead letters, newest first, long texts cut, without stacks.
--
-- KEYS 1 dead  2 previews
-- ARGV 1 options: from (newest id wanted, as XREVRANGE takes it: '+', or '(ID' for those before), count (at most so many),
--        longest (bytes of the longest text)
-- Returns { from of the next page, or '' at the end, { id, bytes of the message, field, value, ... }, ... }
--
-- A script, because a single message may be larger than everything that a page shows. Each letter has a preview, so that
-- none is copied. Letters of an older version, or of another program, have none: then the numbers of both differ. The
-- letters themselves are read, one by one, and the page ends early: their sizes are known only when Redis has copied them.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream')
if wrong then return wrong end

local MOST_BYTES = 1000000
local most, longest = tonumber(options.count), tonumber(options.longest)

-- One letter for the reply, and its bytes.
local function letter_of(entry)
  local letter, fields, bytes = { entry[1], 0 }, entry[2], 0
  for i = 1, #fields, 2 do
    local name, value = fields[i], fields[i + 1]
    bytes = bytes + #value
    if name == 'bytes' then
      letter[2] = tonumber(value)
    elseif name ~= 'stack' then
      if name == 'message' and letter[2] == 0 then letter[2] = #value end
      letter[#letter + 1] = name
      letter[#letter + 1] = string.sub(value, 1, longest)
    end
  end
  return letter, bytes
end

local previewed = redis.call('XLEN', KEYS[1]) == redis.call('XLEN', KEYS[2])
local source, step = previewed and KEYS[2] or KEYS[1], previewed and 100 or 1
local page, from, bytes = {}, options.from, 0
repeat
  local entries = redis.call('XREVRANGE', source, from, '-', 'COUNT', math.min(step, most - #page))
  for _, entry in ipairs(entries) do
    local letter, size = letter_of(entry)
    page[#page + 1] = letter
    bytes = bytes + size
    from = '(' .. entry[1]
  end
  if #entries == 0 then from = '' end
until from == '' or #page == most or bytes >= MOST_BYTES
return { from, unpack(page) }
