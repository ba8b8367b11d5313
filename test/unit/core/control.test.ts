import { describe, expect, it } from 'vitest';
import {
  type ControlChange,
  type ControlEvent,
  checkChange,
  isNamed,
  KEPT_EVENTS,
  pauseIn,
} from '../../../src/core/control.js';
import { managed } from '../../helpers/control.js';

describe('a name', () => {
  it('is that of a process or of its host', () => {
    const one = managed('web-1-abc', 'web');
    expect(['web', 'web-1-abc', 'web-1', ''].map((name) => isNamed(name, one))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

describe('the event that paused a group', () => {
  const events = (states: string): ControlEvent[] =>
    [...states].map((state, revision) => {
      return { at: '', revision, who: '', why: '', what: '', paused: state === 'p' };
    });

  it.each([
    ['.p', 1],
    ['.pp', 1],
    ['p.pp.ppp', 5],
    ['pp', 0],
  ])('is the first since the group was not paused: %s', (states, revision) => {
    expect(pauseIn(events(states))).toMatchObject({ revision });
  });

  it.each(['', 'p.'])('is none if the group is not paused: "%s"', (states) => {
    expect(pauseIn(events(states))).toBeUndefined();
  });

  it('is unknown if all events that are kept are younger', () => {
    expect(pauseIn(events('p'.repeat(KEPT_EVENTS)))).toBeUndefined();
    expect(pauseIn(events(`.${'p'.repeat(KEPT_EVENTS - 1)}`))).toMatchObject({ revision: 1 });
  });
});

describe('a change of the control', () => {
  const problemsOf = (change: object): string[] => {
    try {
      checkChange(change as ControlChange);
      return [];
    } catch (error) {
      return (error as { problems: { setting: string }[] }).problems.map(({ setting }) => setting);
    }
  };

  it.each([
    { size: 0 },
    { size: 10_000 },
    { autoscale: { min: 1, max: 1, drainWithin: 1 } },
    { drained: ['web1', 'a name, with blanks'] },
    { paused: true },
  ])('is allowed: %j', (change) => {
    expect(problemsOf(change)).toEqual([]);
  });

  it.each([
    [{ size: -1 }, ['size']],
    [{ size: 10_001 }, ['size']],
    [{ size: 1.5 }, ['size']],
    [{ size: 'many' }, ['size']],
    [{ autoscale: { min: 3, max: 2, drainWithin: 0 } }, ['max', 'drainWithin']],
    [{ autoscale: { min: -1, max: 10_001, drainWithin: 1 } }, ['min', 'max']],
    [{ drained: ['line\nbreak'] }, ['drained']],
    [{ drained: Array.from({ length: 1_001 }, (_, i) => `p${i}`) }, ['drained']],
    [{ drained: Array.from({ length: 200 }, (_, i) => `${i}`.padStart(300)) }, ['drained']],
  ])('is refused, and all that is wrong is named: %j', (change, settings) => {
    expect(problemsOf(change)).toEqual(settings);
  });
});
