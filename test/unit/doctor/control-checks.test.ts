import { describe, expect, it } from 'vitest';
import type { ProcessStatus } from '../../../src/core/control.js';
import type { ControlFacts } from '../../../src/redis/control-facts.js';
import { managed, UNSET } from '../../helpers/control.js';
import { bad, findings } from '../../helpers/facts.js';

const processes = [
  managed('a-1-x', 'a', { capacity: 15 }),
  managed('b-2-y', 'b', { capacity: 25 }),
  managed('c-3-z', 'c', { managed: false, capacity: 9 }),
];
const well: ControlFacts = {
  control: { ...UNSET, size: 40 },
  foreign: [],
  drainedProcesses: [],
  processes,
  paused: undefined,
  leader: 'b1',
};
const autoscale = { min: 3, max: 50, drainWithin: 10_000 };

/** What the doctor finds of these facts. */
const found = (facts: Partial<ControlFacts>) => findings({ control: { ...well, ...facts } });
const control = (more: object) => ({ control: { ...well.control, ...more } });
const asDrained = (one: ProcessStatus) => ({ ...one, drained: true });
const event = { at: 'T', revision: 2, who: 'ann@web1', why: 'upgrade', what: 'paused', paused: true };

const { packSize: _, ...older } = managed('old-1-o', 'd');

describe('the check of the control', () => {
  it.each([
    [{}, '40 consumers wanted, capacity 40 on 2 hosts'],
    [{ control: UNSET }, '2 consumers wanted, capacity 40 on 2 hosts'],
    [
      { ...control({ size: 0 }), processes: processes.slice(0, 2).map(asDrained) },
      '0 consumers wanted, capacity 0 on 0 hosts',
    ],
    [
      { ...control({ drained: ['a-7-z'] }), drainedProcesses: ['a-7-z'] },
      '40 consumers wanted, capacity 40 on 2 hosts',
    ],
    [{ control: UNSET, processes: processes.slice(2) }, 'no size is wanted, and no process is managed'],
  ])('is well if nothing is missing: %j', (facts, what) => {
    const [only, ...others] = found(facts).filter(({ check }) => check === 'control');
    expect(only).toMatchObject({ status: 'ok', what });
    expect(others).toEqual([]);
  });

  it.each<[Partial<ControlFacts>, string]>([
    [
      control({ size: 41 }),
      'mend control: 41 consumers wanted, capacity 40 on 2 hosts: cgroup start --managed',
    ],
    [
      { ...control({ size: 1 }), processes: processes.slice(2) },
      'mend control: 1 consumer wanted, no managed process runs: cgroup start --managed',
    ],
    [{ processes: [] }, 'note control: 40 consumers wanted, no managed process runs: cgroup start --managed'],
    [
      { ...control({ autoscale, size: 1 }), processes: [managed('a', 'a', { capacity: 2 })] },
      'mend control: 3 consumers wanted, capacity 2 on 1 host: cgroup start --managed',
    ],
    [
      { ...control({ paused: true }), paused: event },
      'note control: the group is paused, by ann@web1 since T: upgrade: cgroup resume',
    ],
    [control({ paused: true }), 'note control: the group is paused: cgroup resume'],
    [
      { foreign: ['size', 'paused'] },
      'note control: another program wrote or removed fields of the control: size, paused',
    ],
    [
      control({ size: 5, drained: ['web9', 'a'] }),
      'note control: web9 is drained, and no live process has this name: cgroup undrain web9',
    ],
    [{ processes: [...processes, older] }, 'note control: processes of an older version: old-1-o'],
  ])('finds what is wrong with %j', (facts, line) => {
    expect(bad(found(facts))).toEqual([line]);
  });

  it('says that all managed processes are drained, and which drains to end', () => {
    const facts = { processes: processes.map(asDrained) };
    const drained = ['a', 'b-2-y', 'gone-4-w'];
    const [only] = found({ ...facts, ...control({ drained }), drainedProcesses: drained.slice(1) }).filter(
      ({ check, status }) => check === 'control' && status === 'mend',
    );
    expect(only).toMatchObject({ what: '40 consumers wanted, and all managed processes are drained' });
    expect(only?.fixes?.map(({ words }) => words.at(-1))).toEqual(['a', 'b-2-y']);
    expect(bad(found({ ...facts, control: { ...UNSET, drained: ['a'] } }))).toEqual([
      'mend control: all managed processes are drained: cgroup undrain a',
    ]);
  });

  it('finds that no process sets the size while no bridge leads', () => {
    const on = control({ autoscale });
    expect(bad(found({ ...on, leader: null }))).toEqual([
      'mend control: autoscaling is on, and no bridge leads: cgroup start --managed',
    ]);
    expect(bad(found(on))).toEqual([]);
  });

  it('is not made if Redis refuses it', () => {
    expect(bad(findings({ control: undefined }))).toEqual([
      expect.stringMatching(/^note control: not checked: Redis refuses EVALSHA/),
    ]);
  });
});
