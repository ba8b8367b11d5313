import { describe, expect, it } from 'vitest';
import { groupBy, median, middleRate, ratio, spread, worstStep } from './statistics.js';

describe('median', () => {
  it.each([
    [[3, 1, 2], 2],
    [[10, 1, 2, 3], 2.5],
    [[7], 7],
  ])('of %j is %d', (numbers, middle) => {
    expect(median(numbers)).toBe(middle);
  });
});

describe('spread', () => {
  it('has the median, the least and the most', () => {
    expect(spread([5, 1, 3])).toEqual({ median: 3, least: 1, most: 5 });
  });
  it('is undefined for no numbers', () => {
    expect(spread([])).toBeUndefined();
  });
});

describe('ratio', () => {
  it('compares runs of the same round, not the medians', () => {
    const rounds = [
      { a: 100, b: 10 },
      { a: 20, b: 20 },
      { a: 30, b: 10 },
    ];
    const of = ratio(
      rounds,
      ({ a }) => a,
      ({ b }) => b,
    );
    expect(of).toEqual({ median: 3, least: 1, most: 10 });
  });
});

describe('middleRate', () => {
  it('is the events per second of steady events', () => {
    expect(middleRate(Array.from({ length: 1_000 }, (_, i) => i * 5))).toBeCloseTo(200);
  });
  it('ignores a slow start and a slow end', () => {
    const times = Array.from({ length: 100 }, (_, i) => 10_000 + i * 10);
    times[0] = 0;
    times[99] = 99_000;
    expect(middleRate(times)).toBeCloseTo(100);
  });
});

describe('the worst step', () => {
  it('is 1 or more if each step gains', () => {
    expect(worstStep([[100, 200, 220]])).toBe(1.1);
  });
  it('compares with the best rate of fewer consumers, so that small losses add up', () => {
    expect(worstStep([[100, 96, 92]])).toBe(0.92);
  });
  it('ignores a lucky rate in a single round', () => {
    const rounds = [
      [150, 100, 100],
      [100, 150, 100],
      [100, 100, 100],
    ];
    expect(worstStep(rounds)).toBe(1);
  });
});

describe('groupBy', () => {
  it('keeps the order of the first occurrence of keys', () => {
    expect([...groupBy([3, 1, 4, 6], (n) => n % 2)]).toEqual([
      [1, [3, 1]],
      [0, [4, 6]],
    ]);
  });
});
