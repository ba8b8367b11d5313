import { EventEmitter } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Histogram, quantileOf } from '../../../src/observe/histogram.js';
import { ProcessStats } from '../../../src/observe/process-stats.js';

describe('Histogram', () => {
  it('counts each value under its bound, and keeps the sum of all', () => {
    const value = fc.tuple(fc.double({ min: 0, max: 10, noNaN: true }), fc.integer({ min: 1, max: 5 }));
    fc.assert(
      fc.property(fc.array(value), (values) => {
        const histogram = new Histogram([1, 2, 5]);
        for (const [one, times] of values) histogram.observe(one, times);
        const between = (low: number, high: number) =>
          values.filter(([one]) => one > low && one <= high).reduce((sum, [, times]) => sum + times, 0);
        expect([...histogram.counts]).toEqual([between(-1, 1), between(1, 2), between(2, 5), between(5, 10)]);
        expect(histogram.sum).toBeCloseTo(values.reduce((sum, [one, times]) => sum + one * times, 0));
      }),
    );
  });
});

describe('quantileOf', () => {
  it('interpolates below the bound, as Prometheus does', () => {
    const bounds = [1, 2, 5];
    expect(quantileOf(bounds, [10, 0, 0, 0], 0.5)).toBe(0.5);
    expect(quantileOf(bounds, [0, 0, 4, 0], 0.5)).toBe(3.5);
    expect(quantileOf(bounds, [1, 0, 1, 0], 0.5)).toBe(1);
    expect(quantileOf(bounds, [5, 4, 1, 0], 0.99)).toBeCloseTo(2 + 3 * 0.9);
    expect(quantileOf(bounds, [0, 0, 0, 3], 0.5)).toBe(5);
    expect(quantileOf(bounds, [0, 0, 0, 0], 0.5)).toBeUndefined();
  });
});

describe('ProcessStats', () => {
  const total = (histogram: Histogram) => histogram.counts.reduce((a, b) => a + b, 0);

  it('counts each result once', () => {
    const stats = new ProcessStats();
    const now = Date.now();
    const ids = [now - 4_000, now - 4_000, now - 400, now - 40].map((ms, i) => ({ inboxId: `${ms}-${i}` }));
    stats.committed(ids);
    expect(total(stats.toOutput)).toBe(4);
    expect(stats.toOutput.sum).toBeGreaterThanOrEqual(8.44);
    expect(stats.toOutput.sum).toBeLessThan(9);
    stats.committed([]);
    expect(total(stats.toOutput)).toBe(4);
  });

  it('counts the steps of results that have times, by the clock of Redis', () => {
    const stats = new ProcessStats();
    stats.redisAhead = 5_000;
    const sums = () => [...stats.steps].map(([step, steps]) => [step, total(steps), steps.sum]);
    stats.committed([{ inboxId: '1000-1' }]);
    expect(sums()).toEqual([
      ['waiting', 0, 0],
      ['processing', 0, 0],
      ['parking', 0, 0],
    ]);
    stats.committed([
      { inboxId: '10000-1', startedAt: 6_000, finishedAt: 6_250 },
      { inboxId: '10000-2', startedAt: 4_000, finishedAt: 3_000 },
    ]);
    stats.parked([500, 1_500, -3]);
    expect(sums()).toEqual([
      ['waiting', 2, 1],
      ['processing', 2, 0.25],
      ['parking', 3, 2],
    ]);
  });

  it('distinguishes ids that begin with the same digits', () => {
    const stats = new ProcessStats();
    stats.committed([{ inboxId: '1-1' }, { inboxId: '12-1' }, { inboxId: '12-10' }]);
    expect(total(stats.toOutput)).toBe(3);
  });

  it('uses the clock of Redis, and never goes below 0', () => {
    const stats = new ProcessStats();
    stats.redisAhead = 60_000;
    stats.committed([{ inboxId: `${Date.now() + 59_000}-0` }]);
    expect(stats.toOutput.sum).toBeGreaterThanOrEqual(1);
    expect(stats.toOutput.sum).toBeLessThan(2);
    stats.redisAhead = 0;
    stats.committed([{ inboxId: `${Date.now() + 60_000}-0` }]);
    expect(stats.toOutput.sum).toBeLessThan(2);
  });

  it('counts connects, losses and reconnects of a role, over several connection objects', () => {
    const stats = new ProcessStats();
    const [one, two] = [new EventEmitter(), new EventEmitter()];
    stats.watch('subscriber', one);
    one.emit('ready');
    one.emit('lost');
    expect(stats.connections.get('subscriber')).toEqual({ made: 1, lost: 1, remade: 0 });
    stats.watch('subscriber', two);
    two.emit('ready');
    expect(stats.connections.get('subscriber')).toEqual({ made: 2, lost: 1, remade: 1 });
  });
});
