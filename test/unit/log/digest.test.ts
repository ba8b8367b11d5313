import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Digest } from '../../../src/log/digest.js';

describe('a digest', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('tells once per period how many came, and the last of them', () => {
    const tell = vi.fn();
    const digest = new Digest<string>(1_000, tell);
    digest.add('a');
    vi.advanceTimersByTime(600);
    digest.add('b');
    vi.advanceTimersByTime(399);
    expect(tell).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(tell.mock.calls).toEqual([[2, 'b']]);
  });

  it('begins the next period with the next event, from nothing', () => {
    const tell = vi.fn();
    const digest = new Digest<string>(1_000, tell);
    digest.add('a');
    vi.advanceTimersByTime(5_000);
    expect(tell).toHaveBeenCalledTimes(1);
    digest.add('c');
    vi.advanceTimersByTime(999);
    expect(tell).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(1);
    expect(tell.mock.calls).toEqual([
      [1, 'a'],
      [1, 'c'],
    ]);
  });

  it('tells at once when flushed, and leaves no timer behind', () => {
    const tell = vi.fn();
    const digest = new Digest<number>(1_000, tell);
    for (let n = 0; n < 10_000; n++) digest.add(n);
    digest.flush();
    expect(tell.mock.calls).toEqual([[10_000, 9_999]]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is silent when there is nothing to tell', () => {
    const tell = vi.fn();
    new Digest(1_000, tell).flush();
    expect(tell).not.toHaveBeenCalled();
  });

  it('takes what is added while it tells into the next period', () => {
    const told: [number, string][] = [];
    const digest = new Digest<string>(1_000, (count, last) => {
      told.push([count, last]);
      if (last === 'a') digest.add('meanwhile');
    });
    digest.add('a');
    vi.advanceTimersByTime(2_000);
    expect(told).toEqual([
      [1, 'a'],
      [1, 'meanwhile'],
    ]);
  });
});
