import { EventEmitter } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Buckets } from '../../../src/observe/histogram.js';
import { Vitals } from '../../../src/observe/process-stats.js';

describe('Buckets', () => {
  it('puts each value below its bound, and keeps their number and sum', () => {
    const value = fc.tuple(fc.double({ min: 0, max: 10, noNaN: true }), fc.integer({ min: 1, max: 5 }));
    fc.assert(
      fc.property(fc.array(value), (values) => {
        const buckets = new Buckets([1, 2, 5]);
        for (const [one, times] of values) buckets.observe(one, times);
        const between = (low: number, high: number) =>
          values.filter(([one]) => one > low && one <= high).reduce((sum, [, times]) => sum + times, 0);
        expect([...buckets.counts]).toEqual([between(-1, 1), between(1, 2), between(2, 5), between(5, 10)]);
        expect(buckets.sum).toBeCloseTo(values.reduce((sum, [one, times]) => sum + one * times, 0));
      }),
    );
  });
});

describe('Vitals', () => {
  const total = (buckets: Buckets) => buckets.counts.reduce((a, b) => a + b, 0);

  it('counts each result once, those of one relay at once', () => {
    const vitals = new Vitals();
    const now = Date.now();
    const ids = [now - 4_000, now - 4_000, now - 400, now - 40].map((ms, i) => ({ inboxId: `${ms}-${i}` }));
    vitals.committed(ids);
    expect(total(vitals.toOutput)).toBe(4);
    expect(vitals.toOutput.sum).toBeGreaterThanOrEqual(8.44);
    expect(vitals.toOutput.sum).toBeLessThan(9);
    vitals.committed([]);
    expect(total(vitals.toOutput)).toBe(4);
  });

  it('takes ids that begin alike for what they are', () => {
    const vitals = new Vitals();
    vitals.committed([{ inboxId: '1-1' }, { inboxId: '12-1' }, { inboxId: '12-10' }]);
    expect(total(vitals.toOutput)).toBe(3);
  });

  it('goes by the clock of Redis, and never below 0', () => {
    const vitals = new Vitals();
    vitals.redisAhead = 60_000;
    vitals.committed([{ inboxId: `${Date.now() + 59_000}-0` }]);
    expect(vitals.toOutput.sum).toBeGreaterThanOrEqual(1);
    expect(vitals.toOutput.sum).toBeLessThan(2);
    vitals.redisAhead = 0;
    vitals.committed([{ inboxId: `${Date.now() + 60_000}-0` }]);
    expect(vitals.toOutput.sum).toBeLessThan(2);
  });

  it('counts connections that are made, lost, and made again, be it by another object', () => {
    const vitals = new Vitals();
    const [one, two] = [new EventEmitter(), new EventEmitter()];
    vitals.watch('subscriber', one);
    one.emit('ready');
    one.emit('lost');
    expect(vitals.connections.get('subscriber')).toEqual({ made: 1, lost: 1, remade: 0 });
    vitals.watch('subscriber', two);
    two.emit('ready');
    expect(vitals.connections.get('subscriber')).toEqual({ made: 2, lost: 1, remade: 1 });
  });
});
