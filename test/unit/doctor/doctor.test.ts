import { describe, expect, it } from 'vitest';
import { doctorText, notesOn, shownFinding } from '../../../src/cli/commands/doctor.js';
import { type Finding, type Fix, lineOf, redis, shell } from '../../../src/core/finding.js';
import { AclLine } from '../../../src/doctor/acl-line.js';
import { diagnose } from '../../../src/doctor/diagnose.js';
import type { Facts } from '../../../src/redis/facts.js';
import type { ServerFacts } from '../../../src/redis/server.js';
import { refuseUnfit } from '../../../src/redis/server-checks.js';
import { parseSettings } from '../../../src/settings/schema.js';

const MB = 2 ** 20;
const settings = parseSettings({ channel: 'in', output: 'out' });

const server: ServerFacts = {
  version: 'Redis 7.0.15',
  release: [7, 0],
  cluster: false,
  masterAt: undefined,
  maxmemoryPolicy: 'noeviction',
  maxmemory: 100 * MB,
  usedMemory: 10 * MB,
  systemMemory: 1_000 * MB,
  aof: true,
  aofFsync: 'everysec',
  save: '',
  savedWell: true,
  pubsubHardLimit: 32 * MB,
  configFile: '/etc/redis.conf',
  aclFile: '',
};

const well: Facts = {
  rights: { complete: true, commands: [], keys: [], channels: [] },
  server,
  clock: { ahead: 3, stepped: 0.4 },
  latency: { median: 0.1, p99: 0.3 },
  channel: { name: 'in', subscribers: 2, bytesPerSecond: 1_000 },
  bridges: 2,
  others: [],
  wrongKeys: [],
  unseenKeys: [],
  owner: { channel: 'in', group: 'cgroup' },
  live: 3,
  orphans: [],
  backlog: 12,
};

const unheard = { name: 'in', subscribers: 0, bytesPerSecond: 0 };
const GRANT = [redis('ACL', 'SETUSER', 'cgroup', '+xadd')];
const findings = (facts: Partial<Facts>) => diagnose({ ...well, ...facts }, settings, GRANT);
const onServer = (facts: Partial<ServerFacts>) => findings({ server: { ...server, ...facts } });
/** All that is not well, in one line each. */
const bad = (all: readonly Finding[]) =>
  all.filter(({ status }) => status !== 'ok').map((one) => `${one.status} ${one.check}: ${lineOf(one)}`);

describe('the doctor', () => {
  it('finds nothing where all is well, and says what it looked at', () => {
    const all = findings({});
    expect(bad(all)).toEqual([]);
    expect(all.map(({ check }) => check)).toEqual([
      'rights',
      'version',
      'role',
      'persistence',
      'eviction',
      'memory',
      'output buffer',
      'clock',
      'latency',
      'keys',
      'owner',
      'bridges',
      'consumers',
      'other groups',
    ]);
  });

  const serverCases: [Partial<ServerFacts>, string][] = [
    [{ release: [6, 0], version: 'Redis 6.0.9' }, 'mend version: Redis 6.0.9 is too old'],
    [{ cluster: true }, 'mend version: Redis 7.0.15 is a node of a Cluster'],
    [
      { masterAt: '10.0.0.1:6379' },
      'mend role: a replica of 10.0.0.1:6379: cgroup start --redis redis://10.0.0.1:6379',
    ],
    [
      { aof: false },
      'mend persistence: Redis keeps nothing on disk (appendonly no, no snapshots): CONFIG SET appendonly yes',
    ],
    [
      { aof: false, save: '3600 1' },
      'mend persistence: no append-only file, snapshots only (save 3600 1): CONFIG SET appendonly yes',
    ],
    [{ aof: false, save: undefined }, 'mend persistence: no append-only file: CONFIG SET appendonly yes'],
    [
      { aofFsync: 'no' },
      'mend persistence: the system decides when the append-only file is written (appendfsync no): CONFIG SET appendfsync everysec',
    ],
    [{ savedWell: false }, 'mend persistence: the last write to disk failed'],
    [{ aof: undefined }, 'note persistence: not checked: Redis refuses INFO persistence to this user'],
    [
      { aofFsync: undefined },
      'note persistence: append-only file; appendfsync not checked: Redis refuses CONFIG GET to this user',
    ],
    [
      { maxmemoryPolicy: 'allkeys-lru' },
      'mend eviction: Redis may delete messages when its memory is full (maxmemory-policy allkeys-lru): CONFIG SET maxmemory-policy noeviction',
    ],
    [{ maxmemoryPolicy: undefined }, 'note eviction: not checked'],
    [{ usedMemory: 80 * MB }, 'mend memory: 80mb of 100mb in use: CONFIG SET maxmemory 200mb'],
    [
      { maxmemory: 0, systemMemory: undefined },
      'note memory: 10mb in use, no limit (maxmemory 0); not checked',
    ],
    [{ maxmemory: 0, usedMemory: 900 * MB }, 'mend memory: 900mb of 1000mb in use, no limit (maxmemory 0)'],
    [
      { pubsubHardLimit: 1_500 },
      'mend output buffer: at 1mb a second Redis disconnects a bridge after a stall of 1.5 s: CONFIG SET client-output-buffer-limit "pubsub 1mb 1mb 60"',
    ],
    [
      { pubsubHardLimit: undefined },
      'note output buffer: not checked: Redis refuses CONFIG GET to this user',
    ],
  ];

  it.each(serverCases)('knows a server with %j', (facts, line) => {
    const lines = bad(onServer(facts));
    expect(lines).toHaveLength(1);
    expect(lines[0]?.slice(0, line.length)).toBe(line);
  });

  it.each([
    { maxmemory: 0, usedMemory: 700 * MB },
    { usedMemory: 79 * MB },
    { pubsubHardLimit: 0 },
    { pubsubHardLimit: 2_001 },
    { aofFsync: 'always' },
  ])('is content with %j', (facts) => {
    expect(bad(onServer(facts))).toEqual([]);
  });

  const orphan = { id: 'gone-1', pending: 4, idle: 5_000 };
  const groupCases: [Partial<Facts>, string][] = [
    [
      { rights: { complete: true, commands: ['xadd'], keys: ['out'], channels: ['in'] } },
      'mend rights: the Redis user lacks +xadd ~out &in: ACL SETUSER cgroup +xadd',
    ],
    [
      { clock: { ahead: -2_001, stepped: 0 } },
      "mend clock: Redis's clock is 2001ms behind this machine's: timedatectl",
    ],
    [{ clock: { ahead: 0, stepped: -251 } }, "mend clock: Redis's clock jumped by -251 ms"],
    [
      { latency: { median: 9, p99: 251 } },
      'mend latency: PING takes 9.0 ms, 251.0 ms at most in 99 of 100: SLOWLOG GET 10',
    ],
    [
      { wrongKeys: [{ key: 'out', expected: 'stream', found: 'string' }] },
      'mend keys: out holds a string, not a stream: RENAME out out:old',
    ],
    [
      { owner: { channel: 'other', group: 'cgroup' } },
      'mend owner: the output out belongs to the channel other and the group cgroup, not to the channel in: cgroup doctor --output out --channel other --group cgroup',
    ],
    [
      { bridges: 0, channel: unheard },
      'mend bridges: no bridge is subscribed, though 3 consumers run: cgroup start',
    ],
    [{ bridges: 1, channel: { ...unheard, subscribers: 1 } }, 'note bridges: one bridge is subscribed'],
    [
      { bridges: 0, live: 0, backlog: 0, channel: unheard },
      'note bridges: no process of this group runs: cgroup start',
    ],
    [
      { orphans: [{ ...orphan, idle: 13_001 }] },
      'mend consumers: 4 messages lie with consumers that are gone: gone-1: cgroup start',
    ],
    [
      { others: [{ output: 'two', channel: 'in' }] },
      'note other groups: other groups read the same channel, into two: cgroup status --output two',
    ],
    [
      { others: [{ output: 'two', channel: undefined }] },
      'note other groups: other groups run here, and this user may not see what they read: two',
    ],
    [
      { channel: { name: 'in', subscribers: 3, bytesPerSecond: 0 } },
      'note other groups: 1 more subscriber on the channel: CLIENT LIST TYPE pubsub',
    ],
    [{ rights: undefined }, 'note rights: not checked: a replica'],
  ];

  it.each(groupCases)('knows a group with %j', (facts, line) => {
    const lines = bad(findings(facts));
    expect(lines).toHaveLength(1);
    expect(lines[0]?.slice(0, line.length)).toBe(line);
  });

  const refused = (command: string) => `not checked: Redis refuses ${command} to this user`;
  const unseenCases: [Partial<Facts>, string][] = [
    [
      { server: undefined },
      `server: version, role, persistence, eviction, memory and output buffer ${refused('INFO')}`,
    ],
    [{ clock: undefined }, `clock: ${refused('TIME')}`],
    [{ latency: undefined }, `latency: ${refused('PING')}`],
    [{ unseenKeys: ['out', 'ids'] }, `keys: ${refused('TYPE of out, ids')}`],
    [{ owner: undefined }, `owner: ${refused('HMGET of the hash that names it')}`],
    [
      { bridges: 0, live: undefined },
      `bridges: no bridge is subscribed; whether consumers run ${refused('LRANGE of their list')}`,
    ],
    [{ live: undefined }, `consumers: ${refused('LRANGE of their list')}`],
    [
      { orphans: undefined },
      `consumers: 3 consumers run; messages of others are ${refused('EVALSHA or XPENDING')}`,
    ],
    [
      { bridges: 0, live: 0, backlog: undefined },
      `consumers: none run; the messages that wait are ${refused('XLEN of the inbox')}`,
    ],
    [{ bridges: undefined }, `bridges: ${refused('PUBSUB NUMSUB')}`],
    [{ others: undefined }, `other groups: ${refused('PUBSUB CHANNELS')}`],
    [
      { channel: { name: 'in', subscribers: undefined, bytesPerSecond: 0 } },
      `other groups: ${refused('PUBSUB NUMSUB')}`,
    ],
    [
      { channel: { name: 'in', subscribers: 2, bytesPerSecond: undefined } },
      `output buffer: 32mb for a subscriber; the rate of the channel ${refused('SUBSCRIBE')}`,
    ],
  ];

  it.each(unseenCases)('says of what it could not see that it is not checked: %j', (facts, line) => {
    const all = findings(facts);
    const check = line.split(':')[0];
    expect(bad(all)).toContainEqual(
      expect.stringContaining(`note ${line}`.slice(0, -' to this user'.length)),
    );
    expect(all.filter((one) => one.check === check).map(({ status }) => status)).toEqual(['note']);
    expect(all.filter(({ status }) => status === 'mend')).toEqual([]);
  });

  it('says what makes a setting last: a rewrite of the config file, or, where there is none, what to put into it', () => {
    const mend = (facts: Partial<ServerFacts>) => onServer(facts).find(({ status }) => status === 'mend');
    for (const facts of [
      { aof: false },
      { aofFsync: 'no' },
      { maxmemoryPolicy: 'allkeys-lru' },
      { usedMemory: 90 * MB },
      { pubsubHardLimit: 1_500 },
    ]) {
      const set = mend(facts)?.fixes?.[0]?.words.slice(2) ?? [];
      expect(mend(facts)?.fixes?.[1]).toEqual(redis('CONFIG', 'REWRITE'));
      const without = mend({ ...facts, configFile: '' });
      expect(without?.fixes?.map(({ words }) => words)).not.toContainEqual(['CONFIG', 'REWRITE']);
      expect(without?.why).toContain(`start redis-server with --${set.join(' ')}`);
    }
  });

  it('goes by what the keys say of the group, where it is asked for another', () => {
    const all = findings({
      owner: { channel: 'other', group: 'mine' },
      channel: { name: 'other', subscribers: 3, bytesPerSecond: 0 },
      others: [{ output: 'two', channel: 'in' }],
    });
    expect(bad(all)).toEqual([
      expect.stringContaining(
        'the output out belongs to the channel other and the group mine, not to the channel in and the group cgroup',
      ),
      expect.stringContaining('1 more subscriber'),
    ]);
  });

  it('tells what lies with the dead apart from what the living are about to take over', () => {
    expect(bad(findings({ orphans: [orphan] }))).toEqual([]);
    const alone = { live: 0, bridges: 0, channel: unheard };
    expect(bad(findings({ ...alone, orphans: [orphan] }))[1]).toContain('mend consumers: 4 messages lie');
    expect(bad(findings({ ...alone, backlog: 1 }))[1]).toBe(
      'mend consumers: 1 message waits, and no consumer runs: cgroup start',
    );
  });

  it('refuses at start-up what cannot do the work, in the same words', () => {
    expect(() => refuseUnfit({ ...server, release: [6, 0], version: 'Redis 6.0.9' })).toThrow(
      /^Redis 6.0.9 is too old/,
    );
    expect(() => refuseUnfit(server)).not.toThrow();
  });
});

describe('what it prints', () => {
  const finding: Finding = {
    check: 'x',
    status: 'mend',
    what: 'odd \u001b[2J',
    why: 'because',
    fixes: [
      { at: 'redis', words: ['RENAME', "it's {out}", 'b'] },
      { at: 'shell', words: ['cgroup', 'start'] },
    ],
  };

  const line = (fix: Fix, url: string) => shownFinding({ ...finding, fixes: [fix] }, url).mend[0];

  it('is ready to be typed, and holds no password', () => {
    const { mend } = shownFinding(finding, 'rediss://user:secret@far.example:6380/2');
    expect(mend).toEqual([
      "redis-cli -h far.example -p 6380 --user user -n 2 --tls RENAME 'it'\\''s {out}' b",
      'cgroup start',
    ]);
    expect(line(redis('PING'), 'redis://127.0.0.1:6379')).toBe('redis-cli PING');
    expect(line(redis('PING'), 'redis://:secret@[::1]:7000')).toBe('redis-cli -h ::1 -p 7000 PING');
    expect(line(redis('PING'), 'redis://default:secret@localhost')).toBe('redis-cli PING');
    expect(line(redis('PING'), 'redis://m%20e:secret@h')).toBe("redis-cli -h h --user 'm e' PING");
  });

  it('is about the same group, unless it names another', () => {
    const given = new Map([
      ['--redis', 'redis://me:s%C3%A9cret@h/1'],
      ['--output', 'my results'],
    ]);
    const fixes: Fix[] = [
      shell('cgroup', 'dead', 'purge'),
      shell('cgroup', 'start', '--redis', 'redis://h:2'),
      shell('df', '-h'),
    ];
    expect(shownFinding({ ...finding, fixes }, 'redis://h', given).mend).toEqual([
      "cgroup dead purge --redis redis://me:PASSWORD@h/1 --output 'my results'",
      "cgroup start --redis redis://h:2 --output 'my results'",
      'df -h',
    ]);
    const notes = (fix: Fix) => notesOn([{ ...finding, fixes: [fix] }], 'redis://h', given);
    expect(fixes.map((fix) => notes(fix).length)).toEqual([1, 0, 0]);
    expect(notes(shell('cgroup', 'start'))).toEqual([expect.stringContaining('in place of PASSWORD')]);
  });

  it('is not for the user of the URL where that user may not do it, and says so', () => {
    const fix: Fix = { ...redis('CONFIG', 'SET', 'appendonly', 'yes'), refused: true };
    const url = 'redis://least:secret@h:7000';
    expect(line(fix, url)).toBe('redis-cli -h h -p 7000 CONFIG SET appendonly yes');
    expect(notesOn([{ ...finding, fixes: [fix] }], url)).toEqual([
      expect.stringMatching(/^The user least may not use CONFIG SET: type these lines as a user who may/),
      expect.stringContaining('REDISCLI_AUTH'),
    ]);
    expect(notesOn([finding], url)).toEqual([expect.stringContaining('REDISCLI_AUTH')]);
    expect(notesOn([finding], 'redis://h')).toEqual([]);
  });

  it('is text alone, with a verdict', () => {
    const text = doctorText(
      [shownFinding(finding, 'redis://h')],
      ['a note'],
      'ACL SETUSER cgroup',
      'it is gone',
    );
    expect(text).toMatch(/^MEND {2}x {2}odd \\u001b\[2J\n {9}because\n {9}\$ redis-cli/);
    expect(text).toContain('1 thing to mend.\na note\n');
    expect(text).toContain('  ACL SETUSER cgroup\nMind that it is gone.');
    const good: Finding = { check: 'x', status: 'ok', what: 'good' };
    expect(doctorText([shownFinding(good, 'redis://h')], [], '', '')).toContain('All is well.');
  });
});

describe('the ACL line', () => {
  const lineFor = (redisUrl: string) => new AclLine(parseSettings({ redis: redisUrl }));

  it('makes a user who is not there yet, and keeps what one who is there has', () => {
    expect(lineFor('redis://h').line).toMatch(/^ACL SETUSER cgroup on >PASSWORD resetkeys /);
    expect(lineFor('redis://default:x@h').line).toMatch(/^ACL SETUSER cgroup on >PASSWORD resetkeys /);
    expect(lineFor('redis://least:x@h').line).toMatch(/^ACL SETUSER least on >PASSWORD resetkeys /);
    // Who is connected is there, and has a password.
    expect(lineFor('redis://least:x@h').grant(server)[0]?.words.slice(0, 4)).toEqual([
      'ACL',
      'SETUSER',
      'least',
      'resetkeys',
    ]);
    expect(lineFor('redis://:x@h').grant(server)[0]?.words.slice(2, 5)).toEqual([
      'cgroup',
      'on',
      '>PASSWORD',
    ]);
  });

  it.each([
    [
      { aclFile: '/etc/users.acl', configFile: '/etc/redis.conf' },
      'ACL SAVE',
      /unless it is saved by ACL SAVE$/,
    ],
    [
      { aclFile: '', configFile: '/etc/redis.conf' },
      'CONFIG REWRITE',
      /CONFIG REWRITE.*user cgroup on >PASSWORD .*\/etc\/redis.conf$/,
    ],
    [
      { aclFile: '', configFile: '' },
      undefined,
      /unless the line "user cgroup .*configuration that Redis is started with$/,
    ],
    [
      { aclFile: undefined, configFile: '' },
      undefined,
      /ACL SAVE if Redis has an aclfile, else by CONFIG REWRITE/,
    ],
  ])('says how the user outlives a restart of Redis: %j', (files, command, text) => {
    const acl = lineFor('redis://h');
    expect(acl.grant(files)[1]?.words.join(' ')).toBe(command);
    expect(acl.lasts(files)).toMatch(text);
  });
});
