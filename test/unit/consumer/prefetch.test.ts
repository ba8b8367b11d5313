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

  it('is 100 ms of work after a read that returned all it asked for', () => {
    const busy = prefetchAt(5);
    busy.recordRead(5, 5);
    expect(busy.readCount(0)).toBe(20);
    busy.recordRead(19, 20);
    expect(busy.readCount(0)).toBe(5);
    busy.recordRead(5, 5);
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
      one.recordRead(entries, entries);
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
