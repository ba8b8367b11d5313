import { describe, expect, it } from 'vitest';
import { BackOff } from '../../../src/worker/back-off.js';

/** The waits of connections that ended one after the other. */
function waits(count: number, { refused = false, stood = 0, random = 1 }): number[] {
  const backOff = new BackOff(() => random);
  return Array.from({ length: count }, () => backOff.next(refused, stood));
}

describe('the wait before the next connection', () => {
  it('doubles from 100 ms up to 5 s', () => {
    expect(waits(8, {})).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
  });

  it('is from 5 s to 30 s where a person has to change something', () => {
    expect(waits(5, { refused: true })).toEqual([5_000, 10_000, 20_000, 30_000, 30_000]);
  });

  it('is half by chance', () => {
    expect(waits(2, { random: 0 })).toEqual([50, 100]);
  });

  it('is short again after a connection that stood for 5 s', () => {
    expect(waits(3, { stood: 5_000 })).toEqual([100, 100, 100]);
    expect(waits(3, { stood: 4_999 })).toEqual([100, 200, 400]);
  });

  it('ends at its bound, however often', () => {
    expect(waits(5_000, {}).at(-1)).toBe(5_000);
  });
});
