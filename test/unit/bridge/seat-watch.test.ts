import { describe, expect, it } from 'vitest';
import { SeatWatch } from '../../../src/bridge/seat-watch.js';

const a = (lastMark: number) => ({ id: 'a', lastMark: String(lastMark) });
const b = (lastMark: number) => ({ id: 'b', lastMark: String(lastMark) });

describe('the watch over seats', () => {
  it('names a seat that made no mark for its patience, and not before', () => {
    const watch = new SeatWatch(3_000);
    expect(watch.observe([a(5)], 1_000)).toBeUndefined();
    expect(watch.observe([a(5)], 3_999)).toBeUndefined();
    expect(watch.observe([a(5)], 4_000)).toEqual(a(5));
    expect(watch.observe([a(5)], 4_250)).toEqual(a(5));
  });

  it('knows nothing of the time before it looked', () => {
    expect(new SeatWatch(3_000).observe([a(5)], 1_000_000)).toBeUndefined();
  });

  it('begins anew with each mark', () => {
    const watch = new SeatWatch(3_000);
    for (let n = 0; n < 10; n++) expect(watch.observe([a(n)], n * 2_900)).toBeUndefined();
  });

  it('takes a time that went back, in a Redis with an older state, for a sign of life', () => {
    const watch = new SeatWatch(3_000);
    watch.observe([a(9)], 0);
    expect(watch.observe([a(2)], 3_000)).toBeUndefined();
  });

  it('tells the dead from the living, and names one at a time', () => {
    const watch = new SeatWatch(3_000);
    watch.observe([a(1), b(1)], 0);
    expect(watch.observe([a(2), b(1)], 3_000)).toEqual(b(1));
    expect(watch.observe([a(2), b(1)], 6_000)).toEqual(a(2));
  });

  it('knows whether any seat is in use', () => {
    const watch = new SeatWatch(3_000);
    watch.observe([a(1), b(1)], 0);
    expect(watch.anyAlive).toBe(false);
    watch.observe([a(1), b(1)], 250);
    expect(watch.anyAlive).toBe(false);
    watch.observe([a(1), b(2)], 500);
    expect(watch.anyAlive).toBe(true);
  });

  it('forgets a seat that was given up: whoever takes it again is new', () => {
    const watch = new SeatWatch(3_000);
    watch.observe([a(1)], 0);
    watch.observe([], 2_000);
    expect(watch.observe([a(1)], 4_000)).toBeUndefined();
  });
});
