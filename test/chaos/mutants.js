/**
 * Known ways to break the build, each with the faults under which the checker must find it. `in` is the file
 * that is altered while it is read, `from` what is replaced by `to`: src itself is never touched.
 *
 * @type {Record<string, { line: string, in: string, from: string, to: string, faults: string[] }>}
 */
export const MUTANTS = {
  'relay-without-position': {
    line: 'relay writes whatever position it starts from: a resend writes twice',
    in: 'relay.lua',
    from: 'if epoch ~= ARGV[3] or offset ~= ARGV[4] then',
    to: 'if false then',
    faults: ['reply-lost'],
  },
  'commit-without-owning': {
    line: 'commit writes results of entries that others have settled',
    in: 'commit.lua',
    from: "if redis.call('XDEL', KEYS[1], id) == 0 then",
    to: "redis.call('XDEL', KEYS[1], id)\n    if false then",
    faults: ['consumer-stopped'],
  },
  'relay-hides-gaps': {
    line: 'relay does not write down the gap before a batch',
    in: 'relay.lua',
    from: "if ARGV[7] ~= '' then",
    to: 'if false then',
    faults: ['oversized-publish'],
  },
  'relay-alters': {
    line: 'relay adds a blank to each message',
    in: 'relay.lua',
    from: "'message', ARGV[i])",
    to: "'message', ARGV[i] .. ' ')",
    faults: ['poison-not-json'],
  },
  'relay-backwards': {
    line: 'relay writes a batch from its end to its beginning',
    in: 'relay.lua',
    from: 'for i = 9, #ARGV do',
    to: 'for i = #ARGV, 9, -1 do',
    faults: ['script-flush'],
  },
  'mark-tells-too-much': {
    line: 'a mark says that all before it is relayed, so followers drop what is not',
    in: 'mark.lua',
    from: "token, beat, epoch, offset, holder }, ' '))",
    to: "token, beat, string.format('%.0f', mark), '0', holder }, ' '))",
    faults: ['leader-stopped'],
  },
  'group-from-the-end': {
    line: 'a consumer group that is made anew begins at the end of the inbox',
    in: 'prepare.lua',
    from: "ARGV[1], '0', 'MKSTREAM')",
    to: "ARGV[1], '$', 'MKSTREAM')",
    faults: ['xgroup-destroy'],
  },
  'reclaims-nothing': {
    line: 'what a dead consumer held is left with it',
    in: 'reclaim.lua',
    from: 'for _, id in ipairs(claimed[2]) do',
    to: 'for _, id in ipairs({}) do',
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
    line: 'dead letters are counted, and not written',
    in: 'bury.lua',
    from: "redis.call('XADD', KEYS[2], '*', 'message'",
    to: "redis.call('XADD', KEYS[2], 'MAXLEN', '0', '*', 'message'",
    faults: ['poison-not-json'],
  },
};
