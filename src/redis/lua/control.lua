-- Reads the control of a group.
--
-- USES checked control-state
-- KEYS 1 control  2 events
-- ARGV 1 options: none
-- Returns { control, foreign fields of it }: names and values in turn, names. With a foreign field it is the last good state.
--
-- Atomic, because the last good state must not be older than the control. It writes nothing: the next heartbeat, or the next
-- change, replaces what is foreign.
local wrong = wrong_type(KEYS[1], 'hash', KEYS[2], 'stream')
if wrong then return wrong end

local control, foreign = read_control(KEYS[1], KEYS[2])
return { control_fields(control), foreign }
