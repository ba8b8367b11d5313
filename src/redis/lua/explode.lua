-- Unpacks packs that a reader cannot read, because another program wrote them.
--
-- USES pack-counts packs
-- KEYS 1 packs  2 inbox  3 counters
-- ARGV 1 options: group, ids (of the packs)
-- Returns how many messages went to the inbox; an entry that is no pack becomes one foreign entry of the inbox.
--
-- Atomic, so that a message is never in both streams or in none. If Redis refuses a command, the packs before it are done, and the
-- others stay as they are.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream', KEYS[3], 'hash')
if wrong then return wrong end

local sum = 0
local is_done, raised = pcall(function()
  try_removal()
  for _, id in ipairs(options.ids) do
    if is_unsettled(KEYS[1], options.group, id) then sum = sum + explode(id, 0) end
  end
end)
return is_done and sum or refusal_of(raised)
