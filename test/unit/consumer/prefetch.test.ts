import { describe, expect, it } from 'vitest';
import { Prefetch, type PrefetchOptions } from '../../../src/consumer/prefetch.js';

const ALONE: PrefetchOptions = { concurrency: 1, batch: 'auto' };

/** The prefetch of a consumer whose messages took so many ms each. */
function prefetchAt(ms: number, options: Partial<PrefetchOptions> = {}, consumers = 1): Prefetch {
  const made = new Prefetch({ ...ALONE, ...options });
  made.consumers = consumers;
  for (let i = 0; i < 50; i++) made.recordAttempt(ms);
  return made;
}

describe('how much a consumer reads', () => {
  it('is as many as can be in work while nothing is measured', () => {
    expect(new Prefetch(ALONE).readCount(0)).toBe(1);
    expect(new Prefetch({ ...ALONE, concurrency: 7 }).readCount(0)).toBe(7);
  });

  it.each([
    [0.001, 500],
    [1, 25],
    [5, 5],
    [50, 1],
  ])('is 25 ms of work: with %d ms a message, %d', (ms, entries) => {
    expect(prefetchAt(ms).readCount(0)).toBe(entries);
  });

  it('is 100 ms of work after a read that left more waiting', () => {
    const busy = prefetchAt(5);
    busy.recordRead(true);
    expect(busy.readCount(0)).toBe(20);
    busy.recordRead(false);
    expect(busy.readCount(0)).toBe(5);
    busy.recordRead(true);
    busy.recordFailedRead();
    expect(busy.readCount(0)).toBe(5);
  });

  it('is nothing while more than half of what it may hold is unprocessed, and every place in work is taken', () => {
    const half = prefetchAt(1);
    expect([half.readCount(13), half.readCount(12)]).toEqual([0, 13]);
    expect(prefetchAt(50, { concurrency: 4 }).readCount(3)).toBe(1);
  });

  it('is never more than a fixed batch', () => {
    expect(prefetchAt(0.001, { batch: 10 }).readCount(0)).toBe(10);
  });

  it.each([
    // Alone each would read 500, and all of them 6.4 s of work for one thread.
    [0.05, 1, 125],
    [0.05, 100, 125],
    // All of them process 195 each within the horizon.
    [0.002, 1, 195],
    [0.002, 100, 195],
    [0.001, 1, 390],
  ])(
    'is a share of what one thread can do, with 64 consumers: with %d ms a message, %d at a time, %d',
    (ms, concurrency, entries) => {
      const one = prefetchAt(ms, { concurrency }, 64);
      expect(one.readCount(0)).toBe(entries);
      expect(one.maxInFlight).toBe(2 * entries);
      one.recordRead(true);
      expect(one.readCount(0)).toBe(ms < 0.01 ? 500 : 125);
    },
  );

  it('is the concurrency at least, and no share is less than 50', () => {
    expect(prefetchAt(50, { concurrency: 1_000 }, 64).readCount(0)).toBe(1_000);
    expect(prefetchAt(0.1, {}, 1_000).readCount(0)).toBe(50);
  });

  it('follows the number of consumers', () => {
    const one = prefetchAt(0.1);
    const counts = [64, 1_000, 1].map((consumers) => {
      one.consumers = consumers;
      return one.readCount(0);
    });
    expect(counts).toEqual([125, 50, 250]);
  });
});

describe('the packs for a consumer', () => {
  it.each([
    [0.001, 250],
    [0.09, 250],
    [0.3, 83],
    [0.9, 27],
    [1.1, 1],
    [400, 1],
  ])(
    'hold 25 ms of work, and one message if it takes more than 1 ms: with %d ms a message, %d',
    (ms, size) => {
      expect(prefetchAt(ms).packSize).toBe(size);
    },
  );

  it('have no size until one message is measured, and no more than a fixed batch', () => {
    expect(new Prefetch(ALONE).packSize).toBeUndefined();
    expect(prefetchAt(0.001, { batch: 40 }).packSize).toBe(40);
    expect(prefetchAt(0.5, { batch: 40 }).packSize).toBe(40);
    expect(prefetchAt(0.001, { batch: 4_000 }).packSize).toBe(250);
  });

  it('stay large if one message takes long, even the first, but not if all do', () => {
    const one = new Prefetch(ALONE);
    for (const ms of [9, ...Array<number>(30).fill(0.01)]) one.recordAttempt(ms);
    expect(one.packSize).toBeGreaterThan(50);
    for (let i = 0; i < 300; i++) one.recordAttempt(0.01);
    one.recordAttempt(20);
    expect(one.packSize).toBeGreaterThan(50);
    for (let i = 0; i < 10; i++) one.recordAttempt(20);
    expect(one.packSize).toBe(1);
  });

  it('are taken whole if it is fast, as far as places in work are free if nothing is measured, not at all if it is slow or has much to do', () => {
    const unmeasured = new Prefetch({ ...ALONE, concurrency: 6 });
    expect([0, 4, 6, 9].map((unprocessed) => unmeasured.roomInPack(unprocessed))).toEqual([6, 2, 0, 0]);
    expect([0, 400].map((unprocessed) => prefetchAt(0.1).roomInPack(unprocessed))).toEqual([250, 250]);
    const fixed = prefetchAt(0.1, { batch: 30 });
    expect([0, 20, 40].map((unprocessed) => fixed.roomInPack(unprocessed))).toEqual([30, 10, 0]);
    expect([400, 800].map((unprocessed) => prefetchAt(0.2).roomInPack(unprocessed))).toEqual([250, 0]);
    const wide = prefetchAt(0.2, { concurrency: 2 });
    expect([800, 1_200].map((unprocessed) => wide.roomInPack(unprocessed))).toEqual([250, 0]);
    expect([0, 1].map((unprocessed) => prefetchAt(2).roomInPack(unprocessed))).toEqual([0, 0]);
  });
});
