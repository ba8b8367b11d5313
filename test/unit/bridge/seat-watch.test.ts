import { describe, expect, it } from 'vitest';
import { SeatWatch } from '../../../src/bridge/seat-watch.js';

const a = (lastMark: number) => ({ id: 'a', lastMark: String(lastMark) });
const b = (lastMark: number) => ({ id: 'b', lastMark: String(lastMark) });

describe('a seat watch', () => {
  it('returns a seat whose bridge made no mark for the patience, and not before', () => {
    const watch = new SeatWatch(3_000);
    expect(watch.observe([a(5)], 1_000)).toBeUndefined();
    expect(watch.observe([a(5)], 3_999)).toBeUndefined();
    expect(watch.observe([a(5)], 4_000)).toEqual(a(5));
    expect(watch.observe([a(5)], 4_250)).toEqual(a(5));
  });

  it('does not count the time before its first observation', () => {
    expect(new SeatWatch(3_000).observe([a(5)], 1_000_000)).toBeUndefined();
  });

  it('measures from the last mark', () => {
    const watch = new SeatWatch(3_000);
    for (let n = 0; n < 10; n++) expect(watch.observe([a(n)], n * 2_900)).toBeUndefined();
  });

  it('counts a time that went back, in a Redis with an older state, as a sign of life', () => {
    const watch = new SeatWatch(3_000);
    watch.observe([a(9)], 0);
    expect(watch.observe([a(2)], 3_000)).toBeUndefined();
  });

  it('distinguishes dead seats from live ones, and returns one at a time', () => {
    const watch = new SeatWatch(3_000);
    watch.observe([a(1), b(1)], 0);
    expect(watch.observe([a(2), b(1)], 3_000)).toEqual(b(1));
    expect(watch.observe([a(2), b(1)], 6_000)).toEqual(a(2));
  });

  it('knows whether a bridge with a seat is alive', () => {
    const watch = new SeatWatch(3_000);
    watch.observe([a(1), b(1)], 0);
    expect(watch.anyAlive).toBe(false);
    watch.observe([a(1), b(1)], 250);
    expect(watch.anyAlive).toBe(false);
    watch.observe([a(1), b(2)], 500);
    expect(watch.anyAlive).toBe(true);
  });

  it('forgets a seat that was given up: a bridge that takes it again is new', () => {
    const watch = new SeatWatch(3_000);
    watch.observe([a(1)], 0);
    watch.observe([], 2_000);
    expect(watch.observe([a(1)], 4_000)).toBeUndefined();
  });
});
