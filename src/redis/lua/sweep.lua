-- Removes dead consumers with nothing pending from the Redis group.
--
-- KEYS 1 inbox  2 processed  3 packs
-- ARGV 1 options: group, silence (least silence in ms), live (ids of the live consumers)
-- Returns the ids of the removed.
--
-- Atomic, because XGROUP DELCONSUMER drops pending entries: between a check and a removal in two commands
-- messages would vanish. A consumer goes last: if Redis refuses a command, the next call finds it again.
local wrong = wrong_type(KEYS[1], 'stream', KEYS[2], 'hash', KEYS[3], 'stream')
if wrong then return wrong end

local live = {}
for _, id in ipairs(options.live) do
  live[id] = true
end

-- What is known of a consumer, of both streams; a consumer may be in one of them only.
local all, names = {}, {}
local function look_at(consumers)
  for _, flat in ipairs(consumers) do
    local found = by_name(flat)
    local known = all[found.name]
    if known then
      known.pending, known.idle = known.pending + found.pending, math.min(known.idle, found.idle)
    else
      all[found.name], names[#names + 1] = found, found.name
    end
  end
end
-- Without a group there is no consumer.
local of_inbox = redis.pcall('XINFO', 'CONSUMERS', KEYS[1], options.group)
if of_inbox.err then return {} end
look_at(of_inbox)
local of_packs = redis.pcall('XINFO', 'CONSUMERS', KEYS[3], options.group)
if not of_packs.err then look_at(of_packs) end

local removed = {}
for _, name in ipairs(names) do
  local consumer = all[name]
  if not live[name] and consumer.pending == 0 and consumer.idle >= tonumber(options.silence) then
    redis.call('HDEL', KEYS[2], name)
    if not of_packs.err then redis.call('XGROUP', 'DELCONSUMER', KEYS[3], options.group, name) end
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], options.group, name)
    removed[#removed + 1] = name
  end
end
return removed
