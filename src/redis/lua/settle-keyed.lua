-- Settles packs with order key, in the form of commit-ordered: the results of each, which are those of its first messages, are
-- written to the output. What is left goes to the inbox and to held (see runs.lua), and then the key goes on.
--
-- USES pack-counts packs sink keyed runs
-- KEYS 1 packs  2 output  3 counters  4 processed  5 inbox  6 bridge  7 busy  8 held
-- ARGV 1 options: large (of the list), group, maxLength, list (true if the output is a list), run (see keyed.lua), packs (list of
--        id; key, none for a pack of a time without order; consumerId; results, how many; outcome of the message after these, if it
--        has to be recorded; begun: true if messages after that one may have been begun)
--      2... list of the results (see sink.lua), pack by pack
-- Returns { ids of the packs that were settled before, keys that free.lua has to free }: for these packs nothing was written.
--
-- Atomic, because here "one result" and the order of a key are decided: the caller that removes a pack decides what becomes of
-- all its messages, however often its results are sent.
--
-- If Redis refuses a command, the packs before it are settled, and the others not at all: what was written for the pack at hand
-- is undone. What comes after that is tried first, in a form that changes nothing.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'stream or list', KEYS[3], 'hash', KEYS[4], 'hash',
  KEYS[5], 'stream', KEYS[6], 'hash', KEYS[7], 'hash', KEYS[8], 'zset')
if wrong then return wrong end
wrong = wrong_type(KEYS[2], options.list and 'list' or 'stream')
if wrong then return wrong end

names.inbox = KEYS[5]
name_keys(KEYS[1], KEYS[5], KEYS[3], KEYS[6], KEYS[7], KEYS[8])
local texts, at = packed_list(), 0

-- What was written to a stream for the pack at hand, or how many elements to a list.
local ids, consumer = {}, nil

local function undo()
  if #ids == 0 then return end
  if options.list then
    redis.call('LTRIM', KEYS[2], 0, -#ids - 1)
  else
    call_with_ids(ids, 'XDEL', KEYS[2])
  end
  written, written_by[consumer] = written - #ids, written_by[consumer] - #ids
  ids = {}
end

-- Writes what became of each message of a pack; returns how many are lost, because another client deleted the pack.
local function write(pack, n, results)
  for k = 1, results do
    local reply = write_result(texts[at + k], 1)
    if type(reply) == 'table' then error(not_added(KEYS[2], reply)) end
    ids[k] = reply
  end
  if results == n then return 0 end
  local messages = messages_of(pack.id)
  if not messages then return n - results end
  if pack.key then
    take_apart(pack.id, pack.key, messages, results + 1, 0, pack.outcome, pack.begun)
  else
    for k = results + 1, n do
      give_back(messages[k], identity_in(pack.id, k), 0, k == results + 1 and pack.outcome or nil)
    end
  end
  return 0
end

local is_tried, raised = pcall(function()
  try_removal()
  try_freeing()
  try_counting()
  if options.list then redis.call('LTRIM', KEYS[2], 0, -1) else redis.call('XDEL', KEYS[2], '0-0') end
end)
if not is_tried then return refusal_of(raised) end

local late, keys, units, refusal = {}, {}, {}, nil
for _, pack in ipairs(options.packs) do
  local n, results = count_in(pack.id), tonumber(pack.results)
  if not is_unsettled(KEYS[1], options.group, pack.id) then
    late[#late + 1] = pack.id
  else
    ids, consumer = {}, pack.consumerId
    local is_written, lost = pcall(write, pack, n, results)
    if not is_written then
      undo()
      take_back()
      refusal = refusal_of(lost)
      break
    end
    remove_pack(pack.id, n)
    if lost > 0 then count(KEYS[3], 'lost', lost) end
    if pack.key then keys[#keys + 1], units[#units + 1] = pack.key, pack.id end
  end
  at = at + results
end
-- Whatever is refused here, they are settled: free.lua frees the rest.
local is_freed, left = pcall(free_keys, keys, units)
count_written()
return refusal or { late, is_freed and left or keys }
