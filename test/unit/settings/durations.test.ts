import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DURATION, formatDuration, parseDuration } from '../../../src/settings/durations.js';

describe('durations', () => {
  it.each([
    ['250ms', 250],
    ['0ms', 0],
    ['3s', 3_000],
    ['1.5s', 1_500],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['0.4ms', 0],
    ['1.0006s', 1_001],
  ])('%s is %d ms', (text, milliseconds) => {
    expect(text).toMatch(DURATION);
    expect(parseDuration(text)).toBe(milliseconds);
  });

  it.each(['', '3', 's', '-3s', '3 s', '3S', '3sec', '1d', '1e3s', '3s ', '.5s', '1234567890s'])(
    '%j is not a duration',
    (text) => {
      expect(text).not.toMatch(DURATION);
    },
  );

  it.each([
    [1_500, '1500ms'],
    [3_000, '3s'],
    [90_000, '90s'],
    [60_000, '1m'],
    [86_400_000, '24h'],
    [0, '0ms'],
  ])('%d ms is formatted as %s', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });

  it('parses what it formats', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999_999 }), (milliseconds) => {
        expect(formatDuration(milliseconds)).toMatch(DURATION);
        expect(parseDuration(formatDuration(milliseconds))).toBe(milliseconds);
      }),
    );
  });
});
