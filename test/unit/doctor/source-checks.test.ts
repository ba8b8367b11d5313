import { expect, it } from 'vitest';
import type { ControlFacts } from '../../../src/redis/control-facts.js';
import { managed, UNSET } from '../../helpers/control.js';
import { bad, findings, server } from '../../helpers/facts.js';

const list = { kind: 'list', name: 'orders', from: 'right' } as const;
const control = (pulls: boolean): ControlFacts => ({
  control: UNSET,
  foreign: [],
  drainedProcesses: [],
  processes: [managed('a', 'h', pulls ? { pulls: true } : {})],
  paused: undefined,
  leader: null,
});
const owner = { source: { kind: 'channel', name: 'in' }, group: 'cgroup' } as const;

it.each([
  [{ type: 'list', waiting: 3 }, true, []],
  [{ type: 'none', waiting: 0 }, true, []],
  [{ type: 'list', waiting: undefined }, true, []],
  [
    { type: undefined, waiting: undefined },
    true,
    ['note source: not checked: Redis refuses TYPE of orders to this user'],
  ],
  [
    { type: 'set', waiting: undefined },
    true,
    ['mend source: orders holds a set, not a list: RENAME orders orders:old'],
  ],
  [
    { type: 'list', waiting: 3 },
    false,
    [
      'mend source: no process takes messages from the list orders, taken from the right, where 3 messages wait: ' +
        'cgroup start --list orders --list-from right',
    ],
  ],
] as const)('a list: %j, a process takes from it: %j', (found, pulls, expected) => {
  const pulled = { source: list, reachable: true, ...found };
  const facts = { pulled, control: control(pulls), owner, bridges: 0 };
  expect(bad(findings(facts))).toEqual(expected);
});

it('bridges, the output buffer and other subscribers are of no interest without a channel', () => {
  const pulled = { source: list, reachable: true, type: 'list', waiting: 1 };
  const facts = { pulled, control: control(true), bridges: 0 };
  const checks = findings(facts).map(({ check }) => check);
  for (const one of ['bridges', 'output buffer', 'other groups']) expect(checks).not.toContain(one);
  expect(findings(facts).find(({ check }) => check === 'source')?.what).toBe(
    'list orders, taken from the right: 1 message waits in it, 1 process takes from it',
  );
});

it.each([
  [list, 'cgroup start --list orders:{out} --list-from right'],
  [{ kind: 'stream', name: 'ev{en}ts' }, 'cgroup start --stream events:{out}'],
] as const)('in another slot of a Cluster than the output it has to have another name: %j', (source, fix) => {
  const pulled = { source, reachable: false, type: undefined, waiting: undefined };
  const finding = findings({ pulled, control: control(true), owner }).find(({ check }) => check === 'source');
  expect(finding).toMatchObject({ status: 'mend', why: expect.stringContaining('output in braces') });
  expect(finding?.what).toBe(
    `the ${source.kind} ${source.name} lies in another hash slot of the Cluster than the output out`,
  );
  expect(finding?.fixes?.[0]?.words.join(' ')).toBe(fix);
});

it('on a Cluster a key with foreign data gets a name in the same slot', () => {
  const cluster = { ...server, cluster: true };
  const wrongKeys = ['ids', 'cgroup:{ids}:members'].map((key) => ({ key, expected: 'list', found: 'set' }));
  const keys = findings({ server: cluster, wrongKeys }).find(({ check }) => check === 'keys');
  expect(keys?.fixes?.map(({ words }) => words.join(' '))).toEqual([
    'RENAME ids {ids}:old',
    'RENAME cgroup:{ids}:members cgroup:{ids}:members:old',
  ]);
});

it.each([
  ['a:1', 'b:2', 'the slot of the output is at a:1, that of the consumers at b:2'],
  ['a:1', 'a:1', 'the slots of the output and of the consumers are at a:1'],
])('on a Cluster the nodes of the two slots are shown: %s and %s', (group, registry, what) => {
  const shown = findings({ nodes: { group, registry } }).find(({ check }) => check === 'slots');
  expect(shown).toEqual({ check: 'slots', status: 'ok', what });
});

it.each([
  [{ all: 3, answering: 3, needed: 2 }, 'ok', '3 of 3 Sentinels answer, and a fail-over needs 2'],
  [{ all: 3, answering: 2, needed: 2 }, 'note', '2 of 3 Sentinels answer, and a fail-over needs 2'],
  [{ all: 3, answering: 1, needed: 2 }, 'mend', '1 of 3 Sentinels answers, and a fail-over needs 2'],
  [{ all: 1, answering: 1, needed: 1 }, 'note', '1 of 1 Sentinel answers, and a fail-over needs 1'],
])('Sentinels that may not be enough are shown: %j', (sentinels, status, what) => {
  expect(findings({ sentinels }).find(({ check }) => check === 'sentinels')).toMatchObject({ status, what });
});
