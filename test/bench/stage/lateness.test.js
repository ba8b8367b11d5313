import { expect, it } from 'vitest';
import { Lateness } from './lateness.js';

it('counts messages, not ticks', () => {
  const lateness = new Lateness();
  for (let i = 0; i < 98; i++) lateness.note(i % 2, 10);
  lateness.note(50, 500);
  expect([50, 99, 100].map((percent) => lateness.percentile(percent))).toEqual([1, 50, 50]);
});

it('is 0 for early messages, and for none', () => {
  const lateness = new Lateness();
  expect(lateness.percentile(99)).toBe(0);
  lateness.note(-3, 1);
  expect(lateness.percentile(99)).toBe(0);
});
