-- The control of a group: how the scripts that use it read and keep it. In the hash and in an event it is the same five
-- texts. An unset size and no autoscale are '' (drained: JSON, name -> 'host' or 'process'), so a field that is missing was
-- removed by another program. Needs the part `checked`.
local CONTROL = { 'size', 'paused', 'autoscale', 'drained', 'revision' }
local UNSET = { size = '', paused = '0', autoscale = '', drained = '{}', revision = '0' }
-- Bytes of the name of a host or a process: 300 characters.
local MOST_NAME = 1200

local function is_name(name)
  return type(name) == 'string' and name ~= '' and #name <= MOST_NAME and not string.find(name, '%c')
end

-- A rule as the group writes it. Any other text is foreign: cjson also reads what is no JSON (0x10, 01, NaN).
local function rule_text(rule)
  return string.format('{"min":%.0f,"max":%.0f,"drainWithin":%.0f}', rule.min, rule.max, rule.drainWithin)
end

-- Whether a text is one that a script of ours may have written into this field.
local IS_OURS = {
  size = function(text) return text == '' or is_whole(integer_of(text), 0, MOST_SIZE) end,
  paused = function(text) return text == '0' or text == '1' end,
  autoscale = function(text)
    if text == '' then return true end
    local rule = table_of(text)
    return rule ~= nil and is_whole(rule.min, 1, MOST_SIZE) and is_whole(rule.max, rule.min, MOST_SIZE)
      and is_whole(rule.drainWithin, 1, 2 ^ 53) and text == rule_text(rule)
  end,
  drained = function(text)
    if text == '{}' then return true end
    local names = table_of(text)
    if not names then return false end
    for name, kind in pairs(names) do
      if not is_name(name) or kind ~= 'host' and kind ~= 'process' then return false end
    end
    return true
  end,
  -- So far below the limit that it can rise for ever.
  revision = function(text) return is_whole(integer_of(text), 0, 2 ^ 52) end,
}

-- The state that the newest event of ours holds; nil if there is none.
local function last_state(events)
  -- Most groups never had an event.
  if redis.call('XLEN', events) == 0 then return nil end
  for _, count in ipairs({ 1, 100 }) do
    for _, entry in ipairs(redis.call('XREVRANGE', events, '+', '-', 'COUNT', count)) do
      local state = table_of(by_name(entry[2]).state)
      local ours = state ~= nil
      for _, name in ipairs(CONTROL) do
        ours = ours and type(state[name]) == 'string' and IS_OURS[name](state[name])
      end
      if ours then return state end
    end
  end
end

-- A state whose drained names are the JSON that the group writes: cjson also reads what is none, and a process could not parse that.
local function with_json(state)
  if state.drained ~= '{}' then state.drained = cjson.encode(table_of(state.drained)) end
  return state
end

-- The control, five texts by name; and which fields are foreign or missing. With such a field it is the last good state, under
-- a revision of its own: so a caller that has seen another one learns of it.
local function read_control(control, events)
  local found, state, foreign, exists = redis.call('HMGET', control, unpack(CONTROL)), {}, {}, false
  for i, name in ipairs(CONTROL) do
    exists = exists or found[i]
    if found[i] and IS_OURS[name](found[i]) then
      state[name] = found[i]
    else
      foreign[#foreign + 1] = name
    end
  end
  if #foreign == 0 then return with_json(state), foreign end
  local last = last_state(events)
  if not exists and not last then return UNSET, {} end
  local good, newest = {}, math.max(integer_of(state.revision or '') or 0, last and integer_of(last.revision) or 0)
  for _, name in ipairs(CONTROL) do
    good[name] = last and last[name] or state[name] or UNSET[name]
  end
  good.revision = string.format('%.0f', newest + 1)
  return with_json(good), foreign
end

-- The names and values of a control in turn.
local function control_fields(state)
  local fields = {}
  for _, name in ipairs(CONTROL) do
    fields[#fields + 1] = name
    fields[#fields + 1] = state[name]
  end
  return fields
end

-- Writes a control and its event: both or none. Returns the refusal of Redis, if there is one. The event comes first, because
-- Redis may have no higher id for it.
local function keep_control(control, events, state, who, why, what)
  local event = redis.pcall('XADD', events, 'MAXLEN', '=', 100, '*', 'revision', state.revision, 'who', who, 'why', why,
    'what', what, 'state', cjson.encode(state))
  if type(event) == 'table' then return not_added(events, event) end
  local kept = redis.pcall('HSET', control, unpack(control_fields(state)))
  if type(kept) ~= 'table' then return nil end
  redis.call('XDEL', events, event)
  return kept
end
