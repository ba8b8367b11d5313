import { expect, it } from 'vitest';
import type { ControlFacts } from '../../../src/redis/control-facts.js';
import { managed, UNSET } from '../../helpers/control.js';
import { bad, findings } from '../../helpers/facts.js';

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
  const facts = { pulled: { source: list, ...found }, control: control(pulls), owner, bridges: 0 };
  expect(bad(findings(facts))).toEqual(expected);
});

it('bridges, the output buffer and other subscribers are of no interest without a channel', () => {
  const facts = { pulled: { source: list, type: 'list', waiting: 1 }, control: control(true), bridges: 0 };
  const checks = findings(facts).map(({ check }) => check);
  for (const one of ['bridges', 'output buffer', 'other groups']) expect(checks).not.toContain(one);
  expect(findings(facts).find(({ check }) => check === 'source')?.what).toBe(
    'list orders, taken from the right: 1 message waits in it, 1 process takes from it',
  );
});
