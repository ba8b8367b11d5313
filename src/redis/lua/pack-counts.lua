-- How many messages a pack holds: its id tells (see core/pack.ts); 0 for an id that no pack has.
local function count_in(id)
  local seq = string.match(id, '%-(%d+)$')
  local messages = #seq >= 7 and #seq <= 16 and tonumber(string.sub(seq, -3)) or 0
  return messages <= 250 and messages or 0
end
