-- Heartbeat, cut and progress in one: takes or keeps the caller's seat, beats if it leads, moves the
-- position over silence, and publishes the next mark.
--
-- KEYS 1 bridge
-- ARGV 1 marks channel  2 caller  3 seats  4 highest mark the caller has seen
--      5 caller's token, or ''  6 from epoch  7 from offset  8 to epoch  9 to offset (or '' each)
--      10 the caller's seat  11 seat found dead, or ''  12 its last mark when it was found dead
--      13 1 where the caller hears the channel, 0 where its subscription has ended
-- Returns { 1, mark } or, where every seat is taken, { 0, seat, last mark, seat, last mark, ... }.
--
-- Atomic, because a mark means one thing only if its number, the lease and the position in it were
-- true at one moment, and because a seat must not be taken twice. Sent twice, it makes one mark more.
local wrong = wrong_type(KEYS[1], 'hash')
if wrong then return wrong end

local bridge, me = KEYS[1], ARGV[2]
local my_seat = 'seat:' .. ARGV[10]

local function field(name, default)
  return redis.call('HGET', bridge, name) or default
end

local function seats_of_others()
  local state, others = redis.call('HGETALL', bridge), {}
  for i = 1, #state, 2 do
    if string.sub(state[i], 1, 5) == 'seat:' and state[i] ~= my_seat then
      others[#others + 1] = string.sub(state[i], 6)
      others[#others + 1] = state[i + 1]
    end
  end
  return others
end

local others = seats_of_others()
if redis.call('HEXISTS', bridge, my_seat) == 0 then
  if ARGV[11] ~= '' and field('seat:' .. ARGV[11]) == ARGV[12] then
    redis.call('HDEL', bridge, 'seat:' .. ARGV[11])
    others = seats_of_others()
  end
  if #others / 2 >= tonumber(ARGV[3]) then
    -- What it has seen counts all the same: it may know of marks that Redis has lost.
    if tonumber(field('mark', '0')) < tonumber(ARGV[4]) then redis.call('HSET', bridge, 'mark', ARGV[4]) end
    return { 0, unpack(others) }
  end
end
redis.call('HSET', bridge, my_seat, now_ms())

local holder, token, beat = field('holder', ''), field('token', '0'), field('beat', '0')
local epoch, offset = field('epoch', ''), field('offset', '')
if holder == me and token == ARGV[5] then
  beat = redis.call('HINCRBY', bridge, 'beat', 1)
  redis.call('HSET', bridge, 'beat_at', now_ms())
  -- What is published after this may be missed, should nobody else have heard it: here a gap begins.
  if ARGV[13] == '1' then redis.call('HSET', bridge, 'heard_at', now_ms()) end
  if ARGV[8] ~= '' and epoch == ARGV[6] and offset == ARGV[7] then
    epoch, offset = ARGV[8], ARGV[9]
    redis.call('HSET', bridge, 'epoch', epoch, 'offset', offset)
  end
end

-- A Redis that came back with an older state must not use a number again: the clock is ahead of all numbers
-- of the past, and should it have been put back, what the caller has seen still counts.
local mark = string.format('%.0f', math.max(tonumber(field('mark', '0')) + 1, tonumber(ARGV[4]) + 1, now_ms()))
redis.call('HSET', bridge, 'mark', mark)
local bridges = #others / 2 + 1
redis.call('PUBLISH', ARGV[1], table.concat({ mark, token, beat, bridges, epoch, offset, holder }, ' '))
return { 1, mark }
