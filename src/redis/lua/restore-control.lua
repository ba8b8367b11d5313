-- Reads the control of a group for a heartbeat, and restores the fields that another program wrote or removed.
--
-- USES checked control-state
-- KEYS 1 control  2 events
-- ARGV 1 options: process (its id, for the event)
-- Returns { control, restored fields }: names and values in turn, names. The restored control is the last good state.
--
-- Atomic, because the last good state must not be older than the control, and so that of many heartbeats one restores it. The
-- heartbeat itself (beat.lua) comes after it, and may be at another node: by then the control may be another one.
local wrong = wrong_type(KEYS[1], 'hash', KEYS[2], 'stream')
if wrong then return wrong end

local control, foreign = read_control(KEYS[1], KEYS[2])
if #foreign > 0 then
  local what = 'restored ' .. table.concat(foreign, ', ')
  local why = 'another program changed the control'
  local refusal = keep_control(KEYS[1], KEYS[2], control, options.process, why, what)
  -- Without the event too: its stream may hold the last possible id.
  if refusal then redis.call('HSET', KEYS[1], unpack(control_fields(control))) end
end
return { control_fields(control), foreign }
