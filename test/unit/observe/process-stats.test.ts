import { EventEmitter } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Histogram } from '../../../src/observe/histogram.js';
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
