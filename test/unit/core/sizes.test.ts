import { describe, expect, it } from 'vitest';
import { isNamed, pauseIn, sizesOf } from '../../../src/core/sizes.js';
import { managed } from '../../helpers/control.js';

describe('the sizes of a group', () => {
  const processes = [
    managed('a1', 'a', { capacity: 10, consumers: 4 }),
    managed('a2', 'a', { capacity: 20, consumers: 3 }),
    managed('b1', 'b', { capacity: 30, consumers: 2, drained: true }),
    managed('c1', 'c', { managed: false, capacity: 7, consumers: 7 }),
  ];

  it('leave out fixed processes, and the capacity of drained ones', () => {
    const sizes = { wanted: 25, running: 9, capacity: 30, managed: 2, hosts: 1 };
    expect(sizesOf({ size: 25 }, processes)).toEqual(sizes);
  });

  it('want one consumer for each managed process where no size was set', () => {
    expect(sizesOf({ size: undefined }, processes).wanted).toBe(2);
    expect(sizesOf({ size: 0 }, processes).wanted).toBe(0);
  });
});

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
  const events = (states: string) => [...states].map((state, at) => ({ at, paused: state === 'p' }));

  it.each([
    ['.p', 1],
    ['.pp', 1],
    ['p.pp.ppp', 5],
    ['pp', 0],
  ])('is the first since the group was not paused: %s', (states, at) => {
    expect(pauseIn(events(states), 100)).toMatchObject({ at });
  });

  it.each(['', 'p.'])('is none if the group is not paused: "%s"', (states) => {
    expect(pauseIn(events(states), 100)).toBeUndefined();
  });

  it('is unknown if all events that are kept are younger', () => {
    expect(pauseIn(events('ppp'), 3)).toBeUndefined();
    expect(pauseIn(events('.pp'), 3)).toMatchObject({ at: 1 });
  });
});
