import { expect, it } from 'vitest';
import { floodRatios, holdAgainst } from './reference.js';

const round = (cgroup) => ({
  limit: { rate: 1_000 },
  cgroup: { rate: cgroup },
  bullmq: { rate: 10 },
  tutorial: { rate: 50 },
});

it('takes the median of the ratios', () => {
  const ratios = floodRatios({ rounds: [round(100), round(400), round(200)] });
  expect(ratios).toEqual({ limit: 0.2, bullmq: 20, tutorial: 4 });
});

it('passes half of the reference, and no less', () => {
  const verdicts = holdAgainst({ limit: 0.1, bullmq: 4.9 }, { limit: 0.2, bullmq: 10 });
  expect(verdicts.map(({ name, ok }) => [name, ok])).toEqual([
    ['limit', true],
    ['bullmq', false],
  ]);
});

it('fails if a ratio is missing', () => {
  expect(holdAgainst({}, { limit: 0.2 })[0].ok).toBe(false);
});
