import { describe, expect, it } from 'vitest';
import type { DoctorFacts } from '../../../src/redis/doctor-facts.js';
import type { Counters } from '../../../src/redis/reading.js';
import { UNSET } from '../../helpers/control.js';
import { bad, findings, unheard } from '../../helpers/facts.js';

describe('the checks of a group', () => {
  const orphan = { id: 'gone-1', pending: 4, idle: 5_000 };
  const groupCases: [Partial<DoctorFacts>, string][] = [
    [
      { rights: { complete: true, commands: ['xadd'], keys: ['out'], channels: ['in'] } },
      'mend rights: the Redis user lacks +xadd ~out &in: ACL SETUSER cgroup +xadd',
    ],
    [
      { clock: { ahead: -2_001, stepped: 0 } },
      "mend clock: Redis's clock is 2 s behind this machine's: timedatectl",
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
      { owner: { source: { kind: 'channel', name: 'other' }, group: 'cgroup' } },
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
      { others: [{ output: 'two', source: { kind: 'channel', name: 'in' } }] },
      'note other groups: other groups read the same channel, into two: cgroup status --output two',
    ],
    [
      { others: [{ output: 'two', source: undefined }] },
      'note other groups: other groups run here, and this user may not see what they read: two',
    ],
    [
      { channel: { name: 'in', subscribers: 3, bytesPerSecond: 0 } },
      'note other groups: 1 more subscriber on the channel: CLIENT LIST TYPE pubsub',
    ],
    [
      { lateStreams: [{ key: 'out', lastId: '9-9', entries: ['9-9'], before: '1-1', hasGroup: false }] },
      'mend stream ids: the last id of out is 9-9, which another program wrote: EVAL ',
    ],
    [
      { counters: { foreignMarks: 3 } as Counters },
      'note channel: 3 texts on the marks channel ignored: another client publishes there',
    ],
    [
      { counters: { strays: 1 } as Counters },
      'note channel: 1 message found that another program had taken from the pending ones, and processed',
    ],
    [{ rights: undefined }, 'note rights: not checked: a replica'],
  ];

  it.each(groupCases)('find the problem of a group with %j', (facts, line) => {
    const lines = bad(findings(facts));
    expect(lines).toHaveLength(1);
    expect(lines[0]?.slice(0, line.length)).toBe(line);
  });

  const refused = (command: string) => `not checked: Redis refuses ${command} to this user`;
  const unseenCases: [Partial<DoctorFacts>, string][] = [
    [
      { server: undefined },
      `server: version, role, persistence, eviction, memory, output buffer and message size ${refused('INFO')}`,
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
      `output buffer: 32 MB for a subscriber; the rate of the channel ${refused('SUBSCRIBE')}`,
    ],
  ];

  it.each(unseenCases)('report checks that Redis refuses as not checked: %j', (facts, line) => {
    const all = findings(facts);
    const check = line.split(':')[0];
    expect(bad(all)).toContainEqual(
      expect.stringContaining(`note ${line}`.slice(0, -' to this user'.length)),
    );
    expect(all.filter((one) => one.check === check).map(({ status }) => status)).toEqual(['note']);
    expect(all.filter(({ status }) => status === 'mend')).toEqual([]);
  });

  it('use the channel and group that the keys name, if the user names others', () => {
    const all = findings({
      owner: { source: { kind: 'channel', name: 'other' }, group: 'mine' },
      channel: { name: 'other', subscribers: 3, bytesPerSecond: 0 },
      others: [{ output: 'two', source: { kind: 'channel', name: 'in' } }],
    });
    expect(bad(all)).toEqual([
      expect.stringContaining(
        'the output out belongs to the channel other and the group mine, not to the channel in and the group cgroup',
      ),
      expect.stringContaining('1 more subscriber'),
    ]);
  });

  it('give live consumers time to take over the messages of a dead one', () => {
    expect(bad(findings({ orphans: [orphan] }))).toEqual([]);
    const alone = { live: 0, bridges: 0, channel: unheard };
    expect(bad(findings({ ...alone, orphans: [orphan] }))[1]).toContain('mend consumers: 4 messages lie');
    expect(bad(findings({ ...alone, backlog: 1 }))[1]).toBe(
      'mend consumers: 1 message waits, and no consumer runs: cgroup start',
    );
  });

  it('say how to start managed processes where a size is set', () => {
    const none = { foreign: [], drainedProcesses: [], processes: [], paused: undefined, leader: null };
    const control = { ...none, control: { ...UNSET, size: 0 } };
    expect(bad(findings({ live: 0, bridges: 0, channel: unheard, backlog: 1, control }))).toEqual([
      expect.stringMatching(/no process of this group runs: cgroup start --managed$/),
      expect.stringMatching(/no consumer runs: cgroup start --managed$/),
    ]);
  });
});
