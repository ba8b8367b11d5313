-- Finds out which names are ids of live processes.
--
-- KEYS 1 processes
-- ARGV 1 options: names (a list)
-- Returns those that are.
--
-- For speed: the record of a process is longer than its id, and stays here.
local wrong = wrong_type(KEYS[1], 'hash')
if wrong then return wrong end

local live = {}
for _, name in ipairs(options.names) do
  if redis.call('HGET', KEYS[1], name) then live[#live + 1] = name end
end
return live
