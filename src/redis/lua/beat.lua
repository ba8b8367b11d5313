-- Records the heartbeat of a process and of its consumers, removes the dead and those that leave, makes the list equal to
-- the live ones, and tells a managed process how many consumers it has to run.
--
-- USES checked shares
-- KEYS 1 consumerList  2 heartbeats  3 members  4 processes
-- ARGV 1 options: silence (ms after which a process or consumer is dead), output, process (its id), report (JSON of what it
--        says of itself; none: it is not, or no longer, among the live), packSize (most messages in a pack for it), member
--        (JSON about it, for each consumer), lanes (into how many it divides its group), beating and leaving (lists of ids), size and drained (texts of the control)
-- Returns { live, found dead, pack size, silent, other lanes, share }: lists of ids; the pack size that all live processes of the output can take, 0
--        if one of them reads no packs; id and host, in turn, of each process of the output that was removed because it is silent; the number of lanes of a live process of the output, if it has
--        another one ('' for none); no share
--        for a process that is not managed.
--
-- Atomic, so that no client sees the list half rebuilt, and because all shares come from one state: two processes never give
-- up the same surplus. Each process writes its own share only, with its own beat: the others come out the same when they beat.
-- A process that Redis does not know, but that runs consumers (Redis was away, the process was stopped), keeps them for one
-- beat, until the others are known too. The keys expire with the last heartbeat: if every process is killed at once, no process
-- is left to clean up. A foreign value is passed over: it must not stop the heartbeats.
--
-- Not atomic with the control, which lies in the slot of the output: the process has read it a moment before (restore-control.lua), and
-- others may have read an older or a newer one. That does no harm: a share may be that of an older control for one beat, the next
-- beat corrects it, and the surplus that a process gives up counts what all others run now.
local wrong = wrong_type(KEYS[1], 'list', KEYS[2], 'zset', KEYS[3], 'hash', KEYS[4], 'hash')
if wrong then return wrong end

local now, silence, me = now_ms(), tonumber(options.silence), options.process
for _, id in ipairs(options.beating) do
  redis.call('ZADD', KEYS[2], now, id)
  redis.call('HSET', KEYS[3], id, options.member)
end
for _, id in ipairs(options.leaving) do
  redis.call('ZREM', KEYS[2], id)
  redis.call('HDEL', KEYS[3], id)
end

local dead = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - silence)
for _, id in ipairs(dead) do
  redis.call('ZREM', KEYS[2], id)
  redis.call('HDEL', KEYS[3], id)
end
-- A heartbeat from the future was recorded before the clock of Redis was put back: it counts from now on.
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. now, '+inf')) do
  redis.call('ZADD', KEYS[2], now, id)
end

local live = redis.call('ZRANGE', KEYS[2], 0, -1)
table.sort(live)
local listed = redis.call('LRANGE', KEYS[1], 0, -1)
if table.concat(listed, '\n') ~= table.concat(live, '\n') then
  redis.call('DEL', KEYS[1])
  call_with_ids(live, 'RPUSH', KEYS[1])
end

-- Bytes of the record of a process. A longer one is foreign, and removed: each heartbeat of each process would copy it.
local MOST_RECORD = 10000

-- A process as the shares need it, from its JSON; nil for a foreign value, one that is not managed, or of another output.
local function managed_in(text)
  local record = table_of(text, MOST_RECORD)
  local report = record and record.report
  if type(report) ~= 'table' or report.managed ~= true or report.output ~= options.output then return nil end
  local ours = type(report.id) == 'string' and type(report.host) == 'string' and is_whole(report.capacity, 0, MOST_SIZE)
    and is_whole(report.consumers, 0, MOST_SIZE) and is_whole(record.share, 0, MOST_SIZE)
  return ours and { id = report.id, host = report.host, capacity = report.capacity, share = record.share,
    running = math.min(report.consumers, record.share) } or nil
end

-- What Redis keeps of a process: its last beat, its pack size, its share if it is managed, and its report. The first two stand in
-- front, where they are found without decoding: each heartbeat looks at all processes. An older version has no pack size.
local function record_of(at, pack_size, share, report)
  return string.format('{"at":%.0f,%s%s"report":%s}', at, pack_size and '"packSize":' .. pack_size .. ',' or '',
    share and string.format('"share":%.0f,', share) or '', report)
end

-- In the report of each process of the output. It stands nowhere else: a quote within a text has a backslash.
local OF_OUTPUT = string.match(options.member, '("output":.*)}$')

-- Processes of another output are left to those of their own, which tell of their end; unless there are none.
local function silent_for(text)
  return string.find(text, OF_OUTPUT, 1, true) and silence or 3 * silence
end

local function host_in(text)
  local record = table_of(text, MOST_RECORD)
  local host = record and type(record.report) == 'table' and record.report.host
  return type(host) == 'string' and host or ''
end

local mine, before, others = options.report and cjson.decode(options.report), nil, {}
local silent, other_lanes = {}, ''
local match, pack_size = string.match, mine and tonumber(options.packSize or 0) or math.huge
local records = redis.call('HGETALL', KEYS[4])
for i = 1, #records, 2 do
  local id, text = records[i], records[i + 1]
  local time, size = match(text, '^{"at":(%d+),"packSize":(%d%d?%d?),')
  local at = integer_of(time or match(text, '^{"at":(%d+),') or '')
  if id == me then
    before = text
  elseif #text > MOST_RECORD or at and at <= now - silent_for(text) then
    redis.call('HDEL', KEYS[4], id)
    if #text <= MOST_RECORD and string.find(text, OF_OUTPUT, 1, true) then
      silent[#silent + 1] = id
      silent[#silent + 1] = host_in(text)
    end
  else
    if at and at > now then
      redis.call('HSET', KEYS[4], id, (string.gsub(text, '%d+', string.format('%.0f', now), 1)))
    end
    -- Without a time it would never be silent.
    if at then
      local most = tonumber(size or 0)
      if string.find(text, OF_OUTPUT, 1, true) then
        pack_size = math.min(most, pack_size)
        -- As little elsewhere in the report as the output is. An older version has one lane.
        local lanes = match(text, '[{,]"lanes":(%d+)') or '1'
        if lanes ~= options.lanes then other_lanes = lanes end
      end
      local other = mine and mine.managed and managed_in(text)
      if other and other.id == id then others[#others + 1] = other end
    end
  end
end

local function my_share()
  local known = before and managed_in(before)
  if not known and mine.consumers > 0 then return math.min(mine.consumers, mine.capacity) end
  local last = known and known.share or 0
  local process = { id = me, host = mine.host, capacity = mine.capacity, share = last, running = math.min(mine.consumers, last) }
  others[#others + 1] = process
  local drained, running, taking = table_of(options.drained), 0, {}
  for _, one in ipairs(others) do
    running = running + one.running
    one.target = 0
    if not drained[one.id] and not drained[one.host] then taking[#taking + 1] = one end
  end
  local sum = share_out(taking, integer_of(options.size))
  return next_share(process, running - sum)
end

local share = mine and mine.managed and my_share() or nil
if mine then
  redis.call('HSET', KEYS[4], me, record_of(now, options.packSize, share, options.report))
elseif before then
  redis.call('HDEL', KEYS[4], me)
end
for i = 1, 4 do
  redis.call('PEXPIRE', KEYS[i], silence)
end
return { live, dead, pack_size == math.huge and 1 or pack_size, silent, other_lanes, share }
