-- How many consumers each process runs: as many for each host, then as many for each process of a host, as capacities allow.
-- What cannot be split evenly goes first to those that have it already, so that as few consumers as possible move. Equal ones
-- are taken by name. So the same state gives the same shares, whichever process asks.

local function by_id(a, b)
  return a.id < b.id
end

-- Gives `wanted` to `all` ({ id, capacity }, hosts or processes) as their `target`: the same to each, but to none more than
-- its capacity. What is left then is one more for some of those that have room (`open`): `left` of them.
local function level(all, wanted)
  local sorted, left, open = {}, wanted, {}
  for i, one in ipairs(all) do
    sorted[i] = one
  end
  table.sort(sorted, function(a, b) return a.capacity < b.capacity end)
  for i, one in ipairs(sorted) do
    local each = math.floor(left / (#sorted - i + 1))
    one.target = math.min(one.capacity, each)
    left = left - one.target
    -- From here on all have room, and the same.
    if one.capacity > each then
      for j = i, #sorted do
        open[#open + 1] = sorted[j]
        sorted[j].target = each
      end
      left = left - each * (#sorted - i)
      break
    end
  end
  table.sort(open, by_id)
  return open, left
end

-- Gives one more to `left` of the `open`, first to those for which `has_more`. Returns the first that would be next.
local function give_rest(open, left, has_more)
  local first, then_ = {}, {}
  for _, one in ipairs(open) do
    local list = has_more(one) and first or then_
    list[#list + 1] = one
  end
  for i = 1, left do
    local one = first[i] or then_[i - #first]
    one.target = one.target + 1
  end
  return first[left + 1] or then_[left + 1 - #first]
end

-- Shares out the target of a host among its processes. Returns whether one more for the host would be one that runs already.
local function share_host(host)
  local open, left = level(host.processes, host.target)
  local next_ = give_rest(open, left, function(process) return process.share > process.target end)
  return next_ ~= nil and next_.share > next_.target
end

-- Sets the `target` of each process ({ id, host, capacity, share: the last one }), the share that it is to reach. `wanted` is the
-- desired size; nil for one consumer each. Returns the sum.
local function share_out(processes, wanted)
  local hosts, by_name_, sum = {}, {}, 0
  for _, process in ipairs(processes) do
    local host = by_name_[process.host]
    if not host then
      host = { id = process.host, capacity = 0, processes = {} }
      by_name_[process.host] = host
      hosts[#hosts + 1] = host
    end
    host.capacity = host.capacity + process.capacity
    host.processes[#host.processes + 1] = process
    process.target = math.min(1, process.capacity)
    sum = sum + (wanted and process.capacity or process.target)
  end
  if not wanted then return sum end
  sum = math.min(sum, wanted)
  local open, left = level(hosts, sum)
  give_rest(open, left, share_host)
  for _, host in ipairs(hosts) do
    share_host(host)
  end
  return sum
end

-- The next share of a process ({ target, share, running }). It rises at once. It falls only by the `surplus`, which is how many
-- more than wanted all processes together run. So others have begun before this one gives up consumers, and what one gives up
-- is no surplus for the next one.
local function next_share(process, surplus)
  if process.target >= process.share then return process.target end
  return math.min(process.share, math.max(process.target, process.running - math.max(surplus, 0)))
end
