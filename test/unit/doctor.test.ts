import { describe, expect, it } from 'vitest';
import { doctorText, shownFinding } from '../../src/cli/commands/doctor.js';
import { diagnose } from '../../src/doctor/diagnose.js';
import { type Finding, lineOf } from '../../src/doctor/finding.js';
import { refuseUnfit } from '../../src/doctor/server-checks.js';
import type { Facts } from '../../src/redis/facts.js';
import type { ServerFacts } from '../../src/redis/server.js';
import { parseSettings } from '../../src/settings.js';

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
};

const well: Facts = {
  rights: { commands: [], keys: [], channels: [] },
  server,
  clock: { ahead: 3, stepped: 0.4 },
  latency: { median: 0.1, p99: 0.3, count: 100 },
  channel: { subscribers: 2, messages: 10, bytes: 1_000, seconds: 1 },
  bridges: 2,
  others: [],
  wrongKeys: [],
  owner: { channel: 'in', group: 'cgroup' },
  live: 3,
  orphans: [],
  backlog: 12,
};

const ACL = ['ACL', 'SETUSER', 'cgroup', '+xadd'];
const findings = (facts: Partial<Facts>) => diagnose({ ...well, ...facts }, settings, ACL);
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
    [{ aofFsync: 'no' }, 'mend persistence: the append-only file is written whenever'],
    [{ savedWell: false }, 'mend persistence: the last write to disk failed'],
    [{ aof: undefined }, 'note persistence: cannot be told'],
    [
      { maxmemoryPolicy: 'allkeys-lru' },
      'mend eviction: Redis may delete messages when its memory is full (maxmemory-policy allkeys-lru): CONFIG SET maxmemory-policy noeviction',
    ],
    [{ maxmemoryPolicy: undefined }, 'note eviction: cannot be told'],
    [{ usedMemory: 80 * MB }, 'mend memory: 80mb of 100mb in use: CONFIG SET maxmemory 200mb'],
    [{ maxmemory: 0, usedMemory: 900 * MB }, 'mend memory: 900mb of 1000mb in use, no limit (maxmemory 0)'],
    [
      { pubsubHardLimit: 1_500 },
      'mend output buffer: at 1mb a second Redis cuts a bridge off after a stall of 1.5 s: CONFIG SET client-output-buffer-limit "pubsub 1mb 1mb 60"',
    ],
    [{ pubsubHardLimit: undefined }, 'note output buffer: cannot be told'],
  ];

  it.each(serverCases)('knows a server with %j', (facts, line) => {
    const lines = bad(onServer(facts));
    expect(lines).toHaveLength(1);
    expect(lines[0]?.slice(0, line.length)).toBe(line);
  });

  it.each([
    { maxmemory: 0, systemMemory: undefined },
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
      { rights: { commands: ['xadd'], keys: ['out'], channels: ['in'] } },
      'mend rights: the Redis user lacks +xadd ~out &in: ACL SETUSER cgroup +xadd',
    ],
    [
      { clock: { ahead: -2_001, stepped: 0 } },
      "mend clock: Redis's clock is 2001ms behind this machine's: timedatectl",
    ],
    [{ clock: { ahead: 0, stepped: -251 } }, "mend clock: Redis's clock jumped by -251 ms"],
    [
      { latency: { median: 9, p99: 251, count: 100 } },
      'mend latency: PING takes 9.0 ms, 251.0 ms at most in 99 of 100: SLOWLOG GET 10',
    ],
    [
      { wrongKeys: [{ key: 'out', expected: 'stream', found: 'string' }] },
      'mend keys: out holds a string, not a stream: RENAME out out:old',
    ],
    [
      { owner: { channel: 'other', group: 'cgroup' } },
      'mend owner: the output out belongs to the channel other and the group cgroup: cgroup doctor --output out --channel other --group cgroup',
    ],
    [
      { bridges: 0, channel: undefined },
      'mend bridges: no bridge is subscribed, though 3 consumers run: cgroup start',
    ],
    [{ bridges: 1, channel: undefined }, 'note bridges: one bridge is subscribed'],
    [
      { bridges: 0, live: 0, backlog: 0, channel: undefined },
      'note bridges: no process of this group runs: cgroup start',
    ],
    [
      { orphans: [{ ...orphan, idle: 43_001 }] },
      'mend consumers: 4 messages lie with consumers that are gone: gone-1: cgroup start',
    ],
    [
      { others: [{ output: 'two', channel: 'in' }], channel: undefined },
      'note other groups: other groups read the same channel, into two: cgroup status --output two',
    ],
    [
      { others: [{ output: 'two', channel: undefined }] },
      'note other groups: other groups run here, and what they read cannot be seen: two',
    ],
    [
      { channel: { subscribers: 3, messages: 0, bytes: 0, seconds: 1 } },
      'note other groups: 1 more subscriber on the channel: CLIENT LIST TYPE pubsub',
    ],
    [{ others: undefined }, 'note other groups: cannot be told'],
    [{ rights: undefined }, 'note rights: not asked for'],
    [{ server: undefined }, 'note server: version, persistence'],
  ];

  it.each(groupCases)('knows a group with %j', (facts, line) => {
    const lines = bad(findings(facts));
    expect(lines).toHaveLength(1);
    expect(lines[0]?.slice(0, line.length)).toBe(line);
  });

  it('tells what lies with the dead apart from what the living are about to take over', () => {
    expect(bad(findings({ orphans: [orphan] }))).toEqual([]);
    const alone = { live: 0, bridges: 0, channel: undefined };
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
    cures: [
      { at: 'redis', words: ['RENAME', "it's {out}", 'b'] },
      { at: 'shell', words: ['cgroup', 'start'] },
    ],
  };

  it('is ready to be typed, and holds no password', () => {
    const { mend } = shownFinding(finding, 'rediss://user:secret@far.example:6380/2');
    expect(mend).toEqual([
      "redis-cli -h far.example -p 6380 -n 2 --tls RENAME 'it'\\''s {out}' b",
      'cgroup start',
    ]);
    expect(shownFinding(finding, 'redis://127.0.0.1:6379').mend[0]).toMatch(/^redis-cli RENAME/);
  });

  it('is text alone, with a verdict', () => {
    const text = doctorText([shownFinding(finding, 'redis://h')], 'ACL SETUSER cgroup');
    expect(text).toMatch(/^MEND {2}x {2}odd \\u001b\[2J\n {9}because\n {9}\$ redis-cli/);
    expect(text).toContain('1 thing to mend.');
    expect(doctorText([{ ...shownFinding(finding, 'redis://h'), status: 'ok' }], '')).toContain(
      'All is well.',
    );
  });
});
