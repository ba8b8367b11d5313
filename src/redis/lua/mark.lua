-- Heartbeat, cut and progress in one: takes or keeps the caller's seat, beats if it leads, moves the
-- position over silence, and publishes the next mark.
--
-- KEYS 1 bridge
-- ARGV 1 marks channel  2 caller  3 seats  4 highest mark the caller has seen
--      5 caller's token, or ''  6 from epoch  7 from offset  8 to epoch  9 to offset (or '' each)
--      10 the caller's seat  11 seat found dead, or ''  12 its counter when it was found dead
-- Returns { 1, mark } or, where every seat is taken, { 0, seat, counter, seat, counter, ... }.
--
-- Atomic, because a mark means one thing only if its number, the lease and the position in it were
-- true at one moment, and because a seat must not be taken twice. Sent twice, it makes one mark more.
local wrong = wrong_type(KEYS[1], 'hash')
if wrong then return wrong end

local bridge, me = KEYS[1], ARGV[2]
local my_seat = 'seat:' .. ARGV[10]

if redis.call('HEXISTS', bridge, my_seat) == 0 then
  if ARGV[11] ~= '' and redis.call('HGET', bridge, 'seat:' .. ARGV[11]) == ARGV[12] then
    redis.call('HDEL', bridge, 'seat:' .. ARGV[11])
  end
  local state, taken = redis.call('HGETALL', bridge), { 0 }
  for i = 1, #state, 2 do
    if string.sub(state[i], 1, 5) == 'seat:' then
      taken[#taken + 1] = string.sub(state[i], 6)
      taken[#taken + 1] = state[i + 1]
    end
  end
  if (#taken - 1) / 2 >= tonumber(ARGV[3]) then return taken end
end
redis.call('HSET', bridge, my_seat, now_ms())

local state = redis.call('HMGET', bridge, 'holder', 'token', 'beat', 'mark', 'epoch', 'offset')
local holder, token = state[1] or '', state[2] or '0'
local beat, mark, epoch, offset = state[3] or '0', tonumber(state[4] or '0'), state[5] or '', state[6] or ''

if holder == me and token == ARGV[5] then
  beat = redis.call('HINCRBY', bridge, 'beat', 1)
  redis.call('HSET', bridge, 'beat_at', now_ms())
  if ARGV[8] ~= '' and epoch == ARGV[6] and offset == ARGV[7] then
    epoch, offset = ARGV[8], ARGV[9]
    redis.call('HSET', bridge, 'epoch', epoch, 'offset', offset)
  end
end

-- A Redis that came back with an older state must not use a number again that somebody has seen.
mark = math.max(mark, tonumber(ARGV[4])) + 1
redis.call('HSET', bridge, 'mark', string.format('%.0f', mark))
redis.call('PUBLISH', ARGV[1], table.concat({ string.format('%.0f', mark), token, beat, epoch, offset, holder }, ' '))
return { 1, mark }
