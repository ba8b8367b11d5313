-- The output, if it is a list: its elements have no ids.

-- What tells an element from others, in few bytes: message id and inbox id stand at its beginning. '' if there is none.
local function mark_of(element)
  return element and redis.sha1hex(string.sub(element, 1, 65536)) or ''
end

local function mark_at(list, index)
  return mark_of(redis.call('LINDEX', list, index))
end
