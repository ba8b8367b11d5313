-- Settles packs: each leaves the packs, its results are written to the output, and its other messages go back to the inbox.
--
-- USES pack-counts packs
-- KEYS 1 packs  2 inbox  3 counters  4 output  5 processed
-- ARGV 1 options: large (of the list), group, maxLength (trim the output to about so many entries; 0 for never), packs (list of
--        id, consumerId, left: list of number in the pack and perhaps outcome, in the order of the numbers)
--      2... list with two texts per result: message id, data; pack by pack, in the order of the numbers. Each message is
--        either left or has a result.
-- Returns the ids of the packs that were settled before, by any consumer: for these nothing was written.
--
-- Atomic, because here "one result" is decided: the caller that removes a pack decides what becomes of all its messages,
-- however often its results are sent.
--
-- If Redis refuses a command, the packs before it are settled, and the others not at all: what was written for the pack at hand
-- is undone. What comes after that is tried first, in a form that changes nothing.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream', KEYS[3], 'hash', KEYS[4], 'stream', KEYS[5], 'hash')
if wrong then return wrong end

local texts, output = packed_list(), KEYS[4]
-- What was written and counted for the pack at hand.
local written, counted = {}, {}

local function count_ahead(key, field, by)
  if count(key, field, by) then counted[#counted + 1] = { key, field, by } end
end

local function undo()
  for _, one in ipairs(counted) do
    count(one[1], one[2], -one[3])
  end
  if #written > 0 then call_with_ids(written, 'XDEL', output) end
  take_back()
end

-- Writes what became of each message of a pack; the texts of its results begin after `at`. Returns how many are lost, because
-- another client deleted the pack.
local function write(pack, n, at)
  local id, consumer, left = pack.id, pack.consumerId, pack.left
  local messages = #left > 0 and messages_of(id) or nil
  count_ahead(KEYS[3], 'processed', n - #left)
  count_ahead(KEYS[5], consumer, n - #left)
  local next_left, prefix, format, call = 1, string.sub(id, 1, -4), string.format, redis.pcall
  for k = 1, n do
    local identity, one = prefix .. format('%03d', k), left[next_left]
    if one and tonumber(one.number) == k then
      if messages then give_back(messages[k], identity, 0, one.outcome) end
      next_left = next_left + 1
    else
      local added = call('XADD', output, '*', 'message_id', texts[at + 1], 'consumer_id', consumer, 'inbox_id', identity,
        'data', texts[at + 2])
      if type(added) == 'table' then error(not_added(output, added)) end
      written[#written + 1], at = added, at + 2
    end
  end
  return messages and 0 or #left
end

local late, at, refusal = {}, 0, nil
local is_tried, raised = pcall(function()
  try_removal()
  redis.call('XDEL', output, '0-0')
  if options.maxLength ~= '0' then redis.call('XTRIM', output, 'MAXLEN', '~', '9223372036854775807') end
end)
if not is_tried then return refusal_of(raised) end
for _, pack in ipairs(options.packs) do
  local n = count_in(pack.id)
  if not is_unsettled(KEYS[1], options.group, pack.id) then
    late[#late + 1] = pack.id
  else
    written, counted = {}, {}
    local is_written, lost = pcall(write, pack, n, at)
    if not is_written then
      undo()
      refusal = refusal_of(lost)
      break
    end
    remove_pack(pack.id, n)
    if lost > 0 then count(KEYS[3], 'lost', lost) end
  end
  at = at + 2 * (n - #pack.left)
end
if options.maxLength ~= '0' then
  local trimmed = redis.call('XTRIM', output, 'MAXLEN', '~', options.maxLength)
  if trimmed > 0 then count(KEYS[3], 'trimmed', trimmed) end
end
return refusal or late
