import { describe, expect, it } from 'vitest';
import { StepsReader } from '../../../src/verify/steps.js';

const times = (publishedAt: number, startedAt: number, finishedAt: number) => ({
  publishedAt,
  startedAt,
  finishedAt,
});
const NOTHING = { p50: 0, p95: 0, p99: 0, max: 0 };

describe('the steps of results', () => {
  it('are the times between publishing, start, end and the id of the entry', () => {
    const reader = new StepsReader('stream');
    for (let n = 1; n <= 1_000; n++)
      reader.take({
        id: `${1_000_000 + 4 * n}-7`,
        times: times(1_000_000, 1_000_000 + n, 1_000_000 + 3 * n),
      });
    const waiting = { count: 1_000, p50: 500, p95: 950, p99: 990, max: 1_000 };
    expect(reader.steps).toEqual({
      waiting,
      processing: { count: 1_000, p50: 1_000, p95: 1_900, p99: 1_980, max: 2_000 },
      parking: waiting,
      total: { count: 1_000, p50: 2_000, p95: expect.any(Number), p99: expect.any(Number), max: 4_000 },
    });
    // From 2 s on it is exact to a thousandth.
    expect(reader.steps?.total.p99).toBeCloseTo(3_960, -1);
  });

  it('have no parking in a list, where nothing says when a result came', () => {
    const reader = new StepsReader('list');
    reader.take({ id: '12', times: times(10, 15, 35) });
    const steps = { waiting: 5, processing: 20, total: 25 };
    expect(reader.steps).toEqual(
      Object.fromEntries(
        Object.entries(steps).map(([step, ms]) => [step, { count: 1, p50: ms, p95: ms, p99: ms, max: ms }]),
      ),
    );
  });

  it('take no time if clocks differ, so that one ends before it began', () => {
    const reader = new StepsReader('stream');
    reader.take({ id: '900-0', times: times(1_000, 990, 980) });
    expect(reader.steps).toEqual(
      Object.fromEntries(
        ['waiting', 'processing', 'parking', 'total'].map((step) => [step, { count: 1, ...NOTHING }]),
      ),
    );
  });

  it('are null if no result has times', () => {
    const reader = new StepsReader('stream');
    expect(reader.steps).toBeNull();
    reader.take({ id: '1-1', times: undefined });
    expect(reader.steps).toBeNull();
  });
});
