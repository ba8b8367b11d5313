import { expect, it } from 'vitest';
import { byMinute } from './memory.js';

const readings = (seconds) => Array.from({ length: seconds }, (_, i) => ({ at: i * 1_000, rss: i }));

it('has the median of each minute', () => {
  expect(byMinute(readings(120))).toEqual([29.5, 89.5]);
});

it('leaves out an incomplete minute', () => {
  expect(byMinute(readings(90))).toEqual([29.5]);
  expect(byMinute(readings(20))).toEqual([]);
});
