import { describe, expect, it } from 'vitest';
// @ts-expect-error The page is plain JavaScript.
import { newsOf } from '../../../../src/http/page/news.js';
// @ts-expect-error The page is plain JavaScript.
import { trendOf } from '../../../../src/http/page/trend.js';
// @ts-expect-error The page is plain JavaScript.
import { verdictAt } from '../../../../src/http/page/verdict.js';

describe('the verdict on the page', () => {
  const verdict = { state: 'healthy', level: 'good', title: 'Keeping up', notes: ['a'] };
  const said = { verdict, time: '2026-11-30T12:00:03.250Z' };

  it('is that of the server for 3 s, and nothing is known after that', () => {
    expect(verdictAt(said, 3_000)).toBe(verdict);
    expect(verdictAt(said, 3_001)).toEqual({
      state: 'unknown',
      level: 'unknown',
      title: 'Unknown since 12:00:03Z: the process that serves this page does not answer',
      notes: ['at the last reading: Keeping up', 'a'],
    });
  });

  it('keeps the time from which the server itself knew nothing', () => {
    const title = 'Unknown since 11:00:00Z: Redis does not answer';
    const unknown = { state: 'unknown', level: 'unknown', title, notes: [] };
    expect(verdictAt({ ...said, verdict: unknown }, 9_000)).toMatchObject({ state: 'unknown', title });
  });

  it('is none before the first word, and unknown without one', () => {
    expect(verdictAt(undefined, 1_000)).toBeUndefined();
    expect(verdictAt(undefined, 4_000)).toMatchObject({ state: 'unknown', level: 'unknown' });
  });
});

describe('what is new since somebody looked', () => {
  const then = { totals: { dead: 3, gaps: 1, lost: 0, dropped: 0 }, at: '' };

  it('is nothing at first', () => {
    expect(newsOf(then, then.totals, 'since 12:00')).toEqual({ dead: 0, gaps: 0, missed: false, notes: [] });
  });

  it('is told with its time, what was missed first', () => {
    const news = newsOf(then, { dead: 5, gaps: 2, lost: 1, dropped: 4 }, 'since 12:00');
    expect(news).toMatchObject({ dead: 2, gaps: 1, missed: true });
    expect(news.notes).toEqual([
      '1 gap since 12:00: messages may have been missed',
      '1 message deleted from the inbox by another program since 12:00',
      '4 messages dropped since 12:00: the buffer of a bridge was full',
      '2 new dead letters since 12:00',
    ]);
  });
});

describe('the trend of a tile', () => {
  /** A value for each second, the oldest first. */
  const trend = (values: readonly (number | null)[]) =>
    trendOf(
      values.map((value, i) => ({ time: 1_000 * i, value })),
      ({ value }: { value: number | null }) => value,
    );
  const course = (before: number | null, now: number | null) =>
    trend([...Array.from({ length: 60 }, () => before), ...Array.from({ length: 5 }, () => now)]);

  it.each([
    [100, 100, 'steady', 'steady'],
    [100, 104, 'steady', 'steady'],
    [0, 0, 'steady', 'steady'],
    [100, 150, 'up', '50 %'],
    [100, 40, 'down', '60 %'],
    [100, 420, 'up', '× 4'],
    [0, 7, 'up', 'from 0'],
    [100, 0, 'down', '100 %'],
  ])('from %d to %d is %s, %s', (before, now, direction, text) => {
    expect(course(before, now)).toEqual({ direction, text });
  });

  it('is not said without a minute to compare with, or in a hole', () => {
    expect(trend([])).toBeUndefined();
    expect(trend([1, 2, 3, 4, 5, 6, 7])).toBeUndefined();
    expect(course(100, null)).toBeUndefined();
    expect(course(null, 100)).toBeUndefined();
  });
});
