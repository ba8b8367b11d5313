-- Heartbeat, cut and progress in one: takes or keeps the caller's seat, beats if it leads, moves the
-- position over silence, and publishes the next mark.
--
-- KEYS 1 bridge  2 counters
-- ARGV 1 options: marks (their channel), caller, seat (of the caller), seats (how many there are), seen (highest mark that
--        the caller has seen), secret, secretKnown (false if the caller has made it up), mostAhead (a mark may be so many
--        ms ahead of the clock), token (of a leader), advance (positions from and to, each epoch and offset),
--        foreign (of a leader: texts on the channel that were no marks), dead (seat found dead: id, and lastMark when it
--        was found), deaf (true if the subscription of the caller has ended), unsure (true if it may have), server (run id of the one where the mark is
--        published; none on a plain Redis), joins (true if the caller is to subscribe there), sharded (true if the caller
--        publishes the mark, because the channel is in another slot), heard (with sharded: true if any bridge is subscribed)
-- Returns { 1, mark, secret, now, bridges, token, beat, holder, epoch, offset, healed fields ... } or, if every seat is
-- taken, { 0, seat, last mark, seat, last mark, ... }; { 0 } if the caller has to wait for the secret. With a server:
-- { 2, home, since, mark, secret ... } or, if the bridges are at another server now, { 3 }.
--
-- Atomic, because a mark means one thing only if its number, the lease and the position were true at one moment, and
-- because a seat must not be taken twice. Sent twice, it makes one mark more; stopped half-way, it makes none.
--
-- A mark is published as its number and an HMAC-SHA1 (https://www.rfc-editor.org/rfc/rfc2104), and the server if there is one,
-- which the HMAC covers too: anyone may publish on the channel, but only clients that may read the group's keys have the secret.
-- Foreign values in the hash are replaced here, because each bridge calls this script ten times a second, and no other script
-- works with them.
--
-- All bridges are subscribed at one server, the home (fields home and since): positions are true only in the order of its
-- messages. A bridge that is about to subscribe names it. Another one whose server is not the home has to end its subscription.
-- On a plain Redis there is no such field.
local wrong = wrong_type(KEYS[1], 'hash', KEYS[2], 'hash')
if wrong then return wrong end

local bridge, me, dead, advance = KEYS[1], options.caller, options.dead, options.advance
local my_seat = 'seat:' .. options.seat
local flat, now, healed = redis.call('HGETALL', bridge), now_ms(), {}
local state = by_name(flat)

local function set(name, value)
  redis.call('HSET', bridge, name, value)
  state[name] = value
end

local function heal(name, value)
  set(name, value)
  healed[#healed + 1] = name
end

-- The number of a mark; nil if it is no number, or too far ahead.
local function mark_of(text)
  local number = integer_of(text)
  return number and number <= now + options.mostAhead and number or nil
end

-- A Redis that came back with an older state must not use a number again. The clock is ahead of all numbers of the past;
-- if the clock was put back, the number that the caller has seen still counts.
if state.mark and not mark_of(state.mark) then heal('mark', string.format('%.0f', now)) end
local last = math.max(mark_of(state.mark) or 0, mark_of(options.seen) or 0)

-- After a flush the bridges that are subscribed bring the secret back: with another one they would not see the same marks.
if not string.find(state.secret or '', '^' .. string.rep('%x', 64) .. '$') then
  local heard = options.heard
  if not options.sharded then heard = redis.call('PUBSUB', 'NUMSUB', options.marks)[2] > 0 end
  if not options.secretKnown and heard then return { 0 } end
  if state.secret then heal('secret', options.secret) else set('secret', options.secret) end
end
if state.token and not integer_of(state.token) then
  heal('token', '0')
  heal('holder', '')
end
if state.beat and not integer_of(state.beat) then heal('beat', '0') end
-- No position is above the last mark: each begins at a mark. An empty one tells the next leader that there was one.
local epoch = mark_of(state.epoch)
if (state.epoch or '') ~= '' and not (epoch and epoch <= last and integer_of(state.offset)) then
  heal('epoch', '')
  heal('offset', '')
end

local server = options.server
if server and state.home and not mark_of(state.since) then state.home = nil end
if server and state.home and state.home ~= server and not options.joins and not options.deaf then
  return { 3 }
end

local function seats_of_others()
  local others = {}
  for i = 1, #flat, 2 do
    local name = flat[i]
    if string.sub(name, 1, 5) == 'seat:' and name ~= my_seat and state[name] then
      others[#others + 1] = string.sub(name, 6)
      others[#others + 1] = state[name]
    end
  end
  return others
end

local others = seats_of_others()
if not state[my_seat] then
  if dead and (state['seat:' .. dead.id] or '') == dead.lastMark then
    redis.call('HDEL', bridge, 'seat:' .. dead.id)
    state['seat:' .. dead.id] = nil
    others = seats_of_others()
  end
  if #others / 2 >= tonumber(options.seats) then
    -- The number that the caller has seen counts all the same: it may know of marks that Redis has lost.
    if (mark_of(state.mark) or 0) < last then set('mark', string.format('%.0f', last)) end
    return { 0, unpack(others) }
  end
end
redis.call('HSET', bridge, my_seat, now)

if state.holder == me and (state.token or '0') == options.token then
  state.beat = string.format('%.0f', redis.call('HINCRBY', bridge, 'beat', 1))
  set('beat_at', now)
  -- A message published after this may be missed if no other bridge hears it: a gap begins here.
  if not options.deaf and not options.unsure then set('heard_at', now) end
  if advance and state.epoch == advance.from.epoch and state.offset == advance.from.offset then
    set('epoch', advance.to.epoch)
    set('offset', advance.to.offset)
  end
  if options.foreign and options.foreign ~= '0' then count(KEYS[2], 'foreignMarks', options.foreign) end
end

-- The key of HMAC is padded to a block of SHA-1, which is as long as the secret.
local function pad(byte)
  return (string.gsub(state.secret, '.', function(char) return string.char(bit.bxor(string.byte(char), byte)) end))
end
local function bytes_of(hex)
  return (string.gsub(hex, '..', function(two) return string.char(tonumber(two, 16)) end))
end

local mark = string.format('%.0f', math.max(last + 1, now))
set('mark', mark)
if server and state.home ~= server and not options.deaf then
  set('home', server)
  set('since', mark)
end
if not options.sharded then
  local tail = server and ' ' .. server or ''
  local proof = redis.sha1hex(pad(0x5c) .. bytes_of(redis.sha1hex(pad(0x36) .. mark .. tail)))
  redis.call('PUBLISH', options.marks, mark .. ' ' .. proof .. tail)
end
local reply = { mark, state.secret, string.format('%.0f', now), tostring(#others / 2 + 1),
  state.token or '0', state.beat or '0', state.holder or '', state.epoch or '', state.offset or '', unpack(healed) }
if server then return { 2, state.home or '', state.since or '', unpack(reply) } end
return { 1, unpack(reply) }
