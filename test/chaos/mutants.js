/**
 * Known ways to break the program, each with the faults under which the checker must find it. `in` is the script
 * that is altered while it is read; `from` is replaced by `to` in it. The files of src stay as they are.
 *
 * @type {Record<string, { line: string, in: string, from: string, to: string, faults: string[] }>}
 */
export const MUTANTS = {
  'relay-without-position': {
    line: 'relay writes without comparing the position: a resend writes twice',
    in: 'relay.lua',
    from: 'if epoch ~= from.epoch or offset ~= from.offset then',
    to: 'if false then',
    faults: ['reply-lost'],
  },
  'commit-without-owning': {
    line: 'commit writes results of entries that are settled already',
    in: 'commit.lua',
    from: 'while ids[first] and not is_unsettled(',
    to: 'while false and not is_unsettled(',
    faults: ['consumer-stopped'],
  },
  'commit-removes-first': {
    line: 'commit removes the entries, though the output refuses their results',
    in: 'commit.lua',
    from: "if type(added) == 'table' then",
    to: "if type(added) == 'table' then\n          call_with_ids(ids, 'XDEL', KEYS[1])",
    faults: ['exhausted-ids'],
  },
  'strays-stay': {
    line: 'entries that no consumer holds stay in the inbox',
    in: 'strays.lua',
    from: 'if not held[entry[1]] and is_stray(entry[1]) then',
    to: 'if false then',
    faults: ['stray-entries'],
  },
  'relay-hides-gaps': {
    line: 'relay does not record the gap before a batch',
    in: 'relay.lua',
    from: 'if gap then',
    to: 'if false then',
    faults: ['oversized-publish'],
  },
  'relay-alters': {
    line: 'relay adds a blank to each message',
    in: 'relay.lua',
    from: "'message', messages[i])",
    to: "'message', messages[i] .. ' ')",
    faults: ['poison-not-json'],
  },
  'relay-backwards': {
    line: 'relay writes a batch from its end to its beginning',
    in: 'relay.lua',
    from: 'for i = 1, #messages do',
    to: 'for i = #messages, 1, -1 do',
    faults: ['script-flush'],
  },
  'settle-shifts-ids': {
    line: 'settle writes results with the ids of their neighbours in the pack',
    in: 'settle.lua',
    from: "prefix .. format('%03d', k), left",
    to: "prefix .. format('%03d', k % n + 1), left",
    faults: ['consumer-stopped'],
  },
  'packs-count-wrong': {
    line: 'a pack that leaves stays counted',
    in: 'packs.lua',
    from: "if n > 0 then count(KEYS[3], 'packed', -n) end",
    to: '',
    faults: ['script-flush'],
  },
  'settle-removes-first': {
    line: 'settle removes a pack, though the output refuses its results',
    in: 'settle.lua',
    from: '    if not is_written then\n',
    to: '    if not is_written then\n      remove_pack(pack.id, n)\n',
    faults: ['exhausted-ids'],
  },
  'settle-forgets-what-is-left': {
    line: 'settle drops the messages of a pack that have no result',
    in: 'settle.lua',
    from: 'if messages then give_back(messages[k], identity, 0, one.outcome) end',
    to: '',
    faults: ['consumer-stopped'],
  },
  'stray-packs-stay': {
    line: 'packs that no consumer holds stay',
    in: 'rescue.lua',
    from: 'if not may_have_strays() then return end',
    to: 'if true then return end',
    faults: ['stray-entries'],
  },
  'mark-tells-too-much': {
    line: 'a mark says that all messages before it are relayed, so followers drop messages that are not',
    in: 'mark.lua',
    from: "state.epoch or '', state.offset or '', unpack(healed) }",
    to: "mark, '0', unpack(healed) }",
    faults: ['leader-stopped'],
  },
  'group-from-the-end': {
    line: 'a consumer group that is created again begins at the end of the inbox',
    in: 'prepare.lua',
    from: "options.group, '0', 'MKSTREAM')",
    to: "options.group, '$', 'MKSTREAM')",
    faults: ['xgroup-destroy'],
  },
  'reclaims-nothing': {
    line: 'the entries of a dead consumer stay with it',
    in: 'reclaim.lua',
    from: 'for _, entry in ipairs(page) do',
    to: 'for _, entry in ipairs({}) do',
    faults: ['follower-killed'],
  },
  'dead-are-listed': {
    line: 'consumers that are gone stay in the list',
    in: 'beat.lua',
    from: 'for _, id in ipairs(dead) do',
    to: 'for _, id in ipairs({}) do',
    faults: ['follower-killed'],
  },
  'bury-forgets': {
    line: 'dead letters are counted, but not written',
    in: 'bury.lua',
    from: "redis.pcall('XADD', KEYS[2], '*', 'message'",
    to: "redis.pcall('XADD', KEYS[2], 'MAXLEN', '0', '*', 'message'",
    faults: ['poison-not-json'],
  },
};
