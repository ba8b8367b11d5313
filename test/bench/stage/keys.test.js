import { expect, it } from 'vitest';
import { KEYS, keysOf } from './keys.js';

const COUNT = 200_000;

function countsOf(spread) {
  const keyOf = keysOf(spread);
  const counts = new Uint32Array(KEYS);
  for (let number = 0; number < COUNT; number++) counts[keyOf(number)]++;
  return counts;
}

it('spreads keys evenly', () => {
  expect(Math.max(...countsOf('uniform'))).toBeLessThan(20);
});

it('gives the first key of a Zipf spread about twice what the second has', () => {
  const [first, second] = countsOf('zipf');
  expect(first / second).toBeGreaterThan(2 ** 1.1 * 0.9);
  expect(first / second).toBeLessThan(2 ** 1.1 * 1.1);
});

it('gives all messages one key', () => {
  expect(countsOf('hot')[0]).toBe(COUNT);
});
