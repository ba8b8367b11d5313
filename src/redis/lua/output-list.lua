-- The output, if it is a list: its elements have no ids.

-- What tells an element from others, in few bytes: message id and inbox id stand at its beginning. '' if there is none.
local function mark_at(list, index)
  local element = redis.call('LINDEX', list, index)
  return element and redis.sha1hex(string.sub(element, 1, 65536)) or ''
end
