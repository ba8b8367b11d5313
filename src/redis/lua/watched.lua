-- What those who watch a group read of its total order. Their keys have: 1 inbox  5 retry  8 bridge.

-- pcall: what they see must not stop the order. Returns whether it is another value than before.
local function note(field, value)
  if value == '' then
    redis.pcall('HDEL', KEYS[8], field)
  elseif redis.call('HGET', KEYS[8], field) ~= value then
    redis.pcall('HSET', KEYS[8], field, value)
    return true
  end
end

-- Since when the order waits for the same message; '' for none.
local function note_head(head)
  if note('head', head) then redis.pcall('HSET', KEYS[8], 'headSince', now_ms()) end
end

-- Whether no consumer has an entry, or will get it but by a read. A group that was made anew reads all again, from 0.
local function is_unread(entry)
  if not entry or redis.call('ZSCORE', KEYS[5], entry) then return false end
  local group = group_info(KEYS[1], options.group)
  return not group or id_after(entry, group['last-delivered-id'])
end
