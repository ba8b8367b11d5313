import { describe, expect, it } from 'vitest';
import { plainLines } from '../../../../src/cli/top/frame.js';
import { TopHistory } from '../../../../src/cli/top/history.js';
import { courseTexts, sparkline } from '../../../../src/cli/top/sparkline.js';
import { shownProcess } from '../../../helpers/control.js';
import { topConsumer, topStatus, topText } from '../../../helpers/top.js';

describe('the history', () => {
  it('says for how long there were no numbers, and keeps the last ones, until new ones come', () => {
    const history = new TopHistory(1_000, 0);
    expect(topText(plainLines(history.view(0)))).toBe('reading …');
    history.add(topStatus(), [], 1_000);
    history.fail('not connected');
    const view = history.view(6_200);
    expect(view.verdict.title).toBe('Unknown since 12:00:03Z: not connected');
    expect(view.trouble).toBe('no numbers for 5 s: not connected');
    expect(topText(plainLines(view))).toContain('web-1-abc-1');
    history.add(topStatus({}, 1_600), [], 7_000);
    expect(history.view(7_100).trouble).toBeUndefined();
    // 600 in the 6 s since the reading before.
    expect(history.view(7_100).rates).toEqual([Number.NaN, Number.NaN, 100]);
  });

  it('notices that Redis does not answer', () => {
    const history = new TopHistory(1_000, 0);
    history.add(topStatus(), [], 0);
    expect(history.view(3_000).trouble).toBeUndefined();
    expect(history.view(3_100).trouble).toBe('no numbers for 3 s: Redis does not answer');
  });

  it('shows no rate of a new consumer, or of a count that started again', () => {
    const history = new TopHistory(1_000, 0);
    history.add(topStatus({ consumers: [topConsumer(1, 0, 900)] }), [], 0);
    history.add(topStatus({ consumers: [topConsumer(1, 0, 5), topConsumer(2, 0, 700)] }), [], 1_000);
    expect(history.view(1_000).consumers.map(({ rate }) => rate)).toEqual([0, 0]);
  });

  it('knows what processes do per second after their second heartbeat', () => {
    const history = new TopHistory(1_000, 0);
    const at = (settled: number, failed: number, lastBeat: string) =>
      topStatus({ processes: [shownProcess('p', 'web', { settled, failed, lastBeat })] });
    history.add(at(100, 1, '2026-11-21T12:00:03.000Z'), [], 0);
    expect(history.view(0).processes).toMatchObject([{ rate: null, failRate: null }]);
    history.add(at(300, 3, '2026-11-21T12:00:05.000Z'), [], 2_000);
    expect(history.view(2_000).processes).toMatchObject([{ rate: 99, failRate: 1 }]);
  });
});

describe('a sparkline', () => {
  it('goes from 0 to the highest, with a hole for a missing number, and shows the last that fit', () => {
    expect(sparkline([0, 50, 100], 10)).toBe('▁▄█');
    expect(sparkline([0, Number.NaN, 100], 10)).toBe('▁ █');
    expect(sparkline([100, 0, 50], 2)).toBe('▁█');
    expect(sparkline([0, 0], 10)).toBe('▁▁');
  });

  it('is empty without room, or with less than two numbers', () => {
    expect(sparkline([1, 2], 0)).toBe('');
    expect(sparkline([1, 2], -5)).toBe('');
    expect(sparkline([Number.NaN, 2], 5)).toBe('');
  });
});

describe('courses', () => {
  const rate = (values: readonly number[]) => ({ values, text: (peak: number) => `${peak}/s` });
  const lag = (values: readonly number[]) => ({ values, text: (peak: number) => `${peak} ms` });

  it('take the whole width, all the same, with the peak of what is shown at the right', () => {
    expect(courseTexts([rate([1, 2, 1]), lag([10, 1_000])], 22)).toEqual([
      '     ▄█▄  peak 2/s',
      '      ▁█  peak 1000 ms',
    ]);
    const long = Array.from({ length: 500 }, (_, i) => (i === 0 ? 9 : 1));
    expect(courseTexts([rate(long)], 30)).toEqual([`${'█'.repeat(20)}  peak 1/s`]);
    expect(courseTexts([rate(long)], Number.POSITIVE_INFINITY)[0]).toMatch(/^█▁{499} {2}peak 9\/s$/);
  });

  it('say only their peak in a small room, and nothing in none', () => {
    expect(courseTexts([rate([1, 2])], 10)).toEqual(['peak 2/s']);
    expect(courseTexts([rate([1, 2])], 7)).toEqual(['']);
    expect(courseTexts([rate([1, 2])], -7)).toEqual(['']);
  });

  it('are empty with less than two numbers', () => {
    expect(courseTexts([rate([Number.NaN, 2]), lag([])], 80)).toEqual(['', '']);
  });
});
