-- How scripts remove settled entries from the inbox. Their keys have: 1 inbox  3 counters  5 retry.

-- To cut off the front of the inbox is worth its questions from so many entries on.
local LEAST_FRONT = 10

-- How many of the batch, once acknowledged, are the front of the inbox with nothing else between them. If the numbers fit,
-- each delivered entry is pending, handed back or in the batch. They do not fit if another client acknowledged entries
-- without removing them. If they fit, all entries before the oldest pending one are in the batch.
-- Redis reports the lag since 7.0, not always (https://redis.io/docs/latest/commands/xinfo-groups/).
local function length_of_front(mine, is_retrying)
  if #mine < LEAST_FRONT then return 0 end
  local group = group_info(KEYS[1], options.group)
  if not group or not group.lag or redis.call('XLEN', KEYS[1]) ~= group.pending + #mine + group.lag then return 0 end
  if is_retrying and redis.call('ZCOUNT', KEYS[5], '-inf', '(' .. options.returnedBelow) > 0 then return 0 end
  local oldest = redis.call('XPENDING', KEYS[1], options.group, '-', '+', 1)[1]
  if not oldest then return #mine end
  local low, high = 0, #mine
  while low < high do
    local middle = math.ceil((low + high) / 2)
    if id_after(oldest[1], mine[middle]) then low = middle else high = middle - 1 end
  end
  return low
end

-- XDEL walks through a node of the stream for each entry; cutting off the front of the stream costs nearly nothing.
local function remove_acknowledged(mine, is_retrying)
  -- pcall: if a question is refused, or to cut off the front is, the entries are deleted one by one.
  local is_known, front = pcall(length_of_front, mine, is_retrying)
  local rest = mine
  local cut = is_known and front > 0 and redis.pcall('XTRIM', KEYS[1], 'MINID', '=', mine[front])
  if type(cut) == 'number' then
    cut = cut + redis.call('XDEL', KEYS[1], mine[front])
    -- Another client acknowledged as many entries without removing them as it removed pending ones, so the numbers fitted.
    if cut > front then count(KEYS[3], 'lost', cut - front) end
    if cut >= front then
      rest = {}
      for n = front + 1, #mine do
        rest[#rest + 1] = mine[n]
      end
    end
  end
  call_with_ids(rest, 'XDEL', KEYS[1])
end
