-- Heartbeat, cut and progress in one: takes or keeps the caller's seat, beats if it leads, moves the
-- position over silence, and publishes the next mark.
--
-- KEYS 1 bridge
-- ARGV 1 options: marks (their channel), caller, seat (of the caller), seats (how many there are), seen (highest mark that
--        the caller has seen), token (of a leader), advance (positions from and to, each epoch and offset),
--        dead (seat found dead: id, and lastMark when it was found), deaf (true if the subscription of the caller has ended)
-- Returns { 1, mark } or, if every seat is taken, { 0, seat, last mark, seat, last mark, ... }.
--
-- Atomic, because a mark means one thing only if its number, the lease and the position in it were
-- true at one moment, and because a seat must not be taken twice. Sent twice, it makes one mark more.
local wrong = wrong_type(KEYS[1], 'hash')
if wrong then return wrong end

local bridge, me, dead, advance = KEYS[1], options.caller, options.dead, options.advance
local my_seat = 'seat:' .. options.seat

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
  if dead and field('seat:' .. dead.id) == dead.lastMark then
    redis.call('HDEL', bridge, 'seat:' .. dead.id)
    others = seats_of_others()
  end
  if #others / 2 >= tonumber(options.seats) then
    -- The number that the caller has seen counts all the same: it may know of marks that Redis has lost.
    if tonumber(field('mark', '0')) < tonumber(options.seen) then redis.call('HSET', bridge, 'mark', options.seen) end
    return { 0, unpack(others) }
  end
end
redis.call('HSET', bridge, my_seat, now_ms())

local holder, token, beat = field('holder', ''), field('token', '0'), field('beat', '0')
local epoch, offset = field('epoch', ''), field('offset', '')
if holder == me and token == options.token then
  beat = redis.call('HINCRBY', bridge, 'beat', 1)
  redis.call('HSET', bridge, 'beat_at', now_ms())
  -- A message published after this may be missed if no other bridge hears it: a gap begins here.
  if not options.deaf then redis.call('HSET', bridge, 'heard_at', now_ms()) end
  if advance and epoch == advance.from.epoch and offset == advance.from.offset then
    epoch, offset = advance.to.epoch, advance.to.offset
    redis.call('HSET', bridge, 'epoch', epoch, 'offset', offset)
  end
end

-- A Redis that came back with an older state must not use a number again. The clock is ahead of all numbers of the past;
-- if the clock was put back, the number that the caller has seen still counts.
local seen = math.max(tonumber(field('mark', '0')), tonumber(options.seen))
local mark = string.format('%.0f', math.max(seen + 1, now_ms()))
redis.call('HSET', bridge, 'mark', mark)
local bridges = #others / 2 + 1
redis.call('PUBLISH', options.marks, table.concat({ mark, token, beat, bridges, epoch, offset, holder }, ' '))
return { 1, mark }
