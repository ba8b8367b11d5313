import { describe, expect, it } from 'vitest';
import { sizesOf } from '../../../src/core/sizes.js';
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
