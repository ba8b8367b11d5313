import { describe, expect, it } from 'vitest';
import { type ControlEvent, checkChange, isNamed, KEPT_EVENTS, pauseIn } from '../../../src/core/control.js';
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

describe('a rule of autoscaling', () => {
  it('is refused with the bound that is above the other', () => {
    const wrong = { autoscale: { min: 8, max: 5, drainWithin: 9 } };
    expect(() => checkChange(wrong)).toThrow(/^min 8 is above max 5$/);
  });
});
