import { describe, expect, it } from 'vitest';
import { Sizer } from '../../src/consumer/sizer.js';

/** A sizer that has measured messages of so many ms. */
function sizer(ms: number, { concurrency = 1, batch = 'auto' as number | 'auto', most = 500 } = {}): Sizer {
  const made = new Sizer(concurrency, batch, most);
  for (let i = 0; i < 50; i++) made.measured(ms);
  return made;
}

describe('how much a consumer reads', () => {
  it('is as many as can be in work, as long as nothing is known', () => {
    expect(new Sizer(1, 'auto', 500).room(0)).toBe(1);
    expect(new Sizer(7, 'auto', 500).room(0)).toBe(7);
  });

  it.each([
    [0.001, 500],
    [1, 25],
    [5, 5],
    [50, 1],
  ])('is 25 ms of work: with %d ms a message, %d', (ms, entries) => {
    expect(sizer(ms).room(0)).toBe(entries);
  });

  it('is 100 ms of work where more is waiting, as told by a read that gave all it was asked for', () => {
    const busy = sizer(5);
    busy.read(5, 5);
    expect(busy.room(0)).toBe(20);
    busy.read(19, 20);
    expect(busy.room(0)).toBe(5);
    busy.read(5, 5);
    busy.readFailed();
    expect(busy.room(0)).toBe(5);
  });

  it('is nothing while more than half of what it may hold is unprocessed, and one message at least is in work', () => {
    const half = sizer(1);
    expect([half.room(13), half.room(12)]).toEqual([0, 13]);
    expect(sizer(50, { concurrency: 4 }).room(3)).toBe(1);
  });

  it('is never more than what is allowed: with a fixed batch, and with many consumers', () => {
    expect(sizer(0.001, { batch: 10 }).room(0)).toBe(10);
    expect(sizer(0.001, { most: 125 }).room(0)).toBe(125);
  });
});
