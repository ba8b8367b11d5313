-- Changes the control of a group, and adds an event that says what changed.
--
-- USES checked control-state
-- KEYS 1 control  2 events  3 bridge
-- ARGV 1 options: size, paused, autoscale (as in the hash), drained (list of names); what is not given stays. processes (list:
--        those of the names to drain that are ids of live processes), ended (list: drained processes that live no longer), who, why,
--        expected (the revision that the caller has seen; none for any), token (of the leader that has found the size)
-- Returns { 1, control } changed, or as it was to be before; { 0, control, what, who, id of the event } refused: the revision
--        is not the expected one, and that event made it; { 0, control } refused: autoscaling is off, or another bridge leads.
--        The control: names and values in turn.
--
-- Atomic, so that of two that change the same revision one succeeds, and the other learns of it, and so that no leader sets
-- a size after it lost the lead or after an operator set another one. Control and event change together, or neither does.
--
-- Not atomic with the processes, which are in the slot of the list of consumers: the caller has asked for them a moment before. That
-- does no harm: a process that has ended since is forgotten by the next change, and the id of one that has ended never comes back.
local wrong = wrong_type(KEYS[1], 'hash', KEYS[2], 'stream', KEYS[3], 'hash')
if wrong then return wrong end

local old = read_control(KEYS[1], KEYS[2])

if options.expected and options.expected ~= old.revision then
  local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
  local event = last and by_name(last[2]) or {}
  return { 0, control_fields(old), event.what or '', event.who or '', last and last[1] or '' }
end
if options.token then
  local lead = redis.call('HMGET', KEYS[3], 'token', 'holder')
  if lead[1] ~= options.token or (lead[2] or '') == '' or old.autoscale == '' then return { 0, control_fields(old) } end
end

local new, what = { size = old.size, paused = old.paused, autoscale = old.autoscale }, {}

if options.autoscale then
  new.autoscale = options.autoscale
elseif options.size and not options.token then
  new.autoscale = ''
end
if new.autoscale ~= old.autoscale then
  local rule = new.autoscale ~= '' and cjson.decode(new.autoscale)
  local time = rule and (rule.drainWithin % 1000 == 0 and string.format('%.0fs', rule.drainWithin / 1000)
    or string.format('%.0fms', rule.drainWithin))
  what[1] = rule and string.format('autoscale %.0f to %.0f, backlog gone within %s', rule.min, rule.max, time)
    or 'autoscale off'
end
if options.size and options.size ~= old.size then
  new.size = options.size
  what[#what + 1] = 'size ' .. (old.size == '' and 'not set' or old.size) .. ' -> ' .. new.size
end
if options.paused and options.paused ~= old.paused then
  new.paused = options.paused
  what[#what + 1] = new.paused == '1' and 'paused' or 'resumed'
end

local before, drained, is_process = cjson.decode(old.drained), {}, {}
for _, name in ipairs(options.processes) do
  is_process[name] = true
end
if options.drained then
  for _, name in ipairs(options.drained) do
    drained[name] = before[name] or (is_process[name] and 'process' or 'host')
    if not before[name] then what[#what + 1] = 'drained ' .. name end
  end
  for name in pairs(before) do
    if not drained[name] then what[#what + 1] = 'undrained ' .. name end
  end
else
  drained = before
end
if #what == 0 then return { 1, control_fields(old) } end
-- A process does not come back: its next start has another id. A host may.
for _, name in ipairs(options.ended) do
  if drained[name] == 'process' then drained[name] = nil end
end
new.drained = cjson.encode(drained)
new.revision = string.format('%.0f', integer_of(old.revision) + 1)

local said = table.concat(what, ', ')
if #said > 500 then said = string.sub(said, 1, 500) .. '...' end
local refusal = keep_control(KEYS[1], KEYS[2], new, options.who, options.why, said)
return refusal or { 1, control_fields(new) }
