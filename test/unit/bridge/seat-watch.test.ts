import { describe, expect, it } from 'vitest';
import { SeatWatch } from '../../../src/bridge/seat-watch.js';

const a = (lastMark: number) => ({ id: 'a', lastMark: String(lastMark) });
const b = (lastMark: number) => ({ id: 'b', lastMark: String(lastMark) });

const LEASE = 1_000;

describe('a seat watch', () => {
  it('returns a seat whose bridge made no mark for three leases, and not before, while another one marks', () => {
    const watch = new SeatWatch(LEASE);
    expect(watch.observe([a(5), b(0)], 1_000)).toBeUndefined();
    expect(watch.observe([a(5), b(1)], 3_999)).toBeUndefined();
    expect(watch.observe([a(5), b(2)], 4_000)).toEqual(a(5));
    expect(watch.observe([a(5), b(3)], 4_250)).toEqual(a(5));
  });

  it('returns the first after one lease, and not before, if no bridge marks', () => {
    const watch = new SeatWatch(LEASE);
    expect(watch.observe([a(5), b(7)], 1_000)).toBeUndefined();
    expect(watch.observe([a(5), b(7)], 1_999)).toBeUndefined();
    expect(watch.observe([a(5), b(7)], 2_000)).toEqual(a(5));
  });

  it('waits until all are silent for a lease', () => {
    const watch = new SeatWatch(LEASE);
    watch.observe([a(5), b(7)], 1_000);
    expect(watch.observe([a(5), b(8)], 2_500)).toBeUndefined();
    expect(watch.observe([a(5), b(8)], 3_499)).toBeUndefined();
    expect(watch.observe([a(5), b(8)], 3_500)).toEqual(a(5));
  });

  it('does not count the time before its first observation', () => {
    expect(new SeatWatch(LEASE).observe([a(5)], 1_000_000)).toBeUndefined();
  });

  it('measures from the last mark', () => {
    const watch = new SeatWatch(LEASE);
    for (let n = 0; n < 10; n++) expect(watch.observe([a(n)], n * 2_900)).toBeUndefined();
  });

  it('counts a time that went back, in a Redis with an older state, as a sign of life', () => {
    const watch = new SeatWatch(LEASE);
    watch.observe([a(9)], 0);
    expect(watch.observe([a(2)], 3_000)).toBeUndefined();
  });

  it('distinguishes dead seats from live ones, and returns one at a time', () => {
    const watch = new SeatWatch(LEASE);
    watch.observe([a(1), b(1)], 0);
    expect(watch.observe([a(2), b(1)], 3_000)).toEqual(b(1));
    expect(watch.observe([a(2), b(1)], 6_000)).toEqual(a(2));
  });

  it('knows whether a bridge with a seat is alive', () => {
    const watch = new SeatWatch(LEASE);
    watch.observe([a(1), b(1)], 0);
    expect(watch.anyAlive).toBe(false);
    watch.observe([a(1), b(1)], 250);
    expect(watch.anyAlive).toBe(false);
    watch.observe([a(1), b(2)], 500);
    expect(watch.anyAlive).toBe(true);
  });

  it('forgets a seat that was given up: a bridge that takes it again is new', () => {
    const watch = new SeatWatch(LEASE);
    watch.observe([a(1)], 0);
    watch.observe([], 2_000);
    expect(watch.observe([a(1)], 4_000)).toBeUndefined();
  });
});
