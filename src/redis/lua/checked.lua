-- Values that another program may have written, looked at before they are used.

-- Most consumers of a process, and of a group.
local MOST_SIZE = 10000

-- The table that a JSON text holds; nil for any other text, and for a very long one.
local function table_of(text, most)
  if not text or #text > (most or 500000) then return nil end
  local decoded, value = pcall(cjson.decode, text)
  return decoded and type(value) == 'table' and value or nil
end

local function is_whole(number, least, most)
  return type(number) == 'number' and number >= least and number <= most and number == math.floor(number)
end
