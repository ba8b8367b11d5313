import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
// @ts-expect-error The page is plain JavaScript.
import { duration, percent, prettyJson, rate, roughly, when } from '../../../../src/http/page/format.js';

describe('the formats of the page', () => {
  it.each([
    [0, '0 ms'],
    [3.14, '3.1 ms'],
    [850, '850 ms'],
    [4_200, '4.2 s'],
    [59_400, '59 s'],
    [185_000, '3 min 5 s'],
    [7_800_000, '2 h 10 min'],
    [259_200_000, '3 days'],
  ])('%d ms is %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  it.each([
    [59_999, '59 s'],
    [125_000, '2 min'],
    [7_800_000, '2 h'],
    [259_200_000, '3 days'],
  ])('%d ms is roughly %s', (ms, text) => {
    expect(roughly(ms)).toBe(text);
  });

  it.each([
    [0, '0 %'],
    [0.001, '< 1 %'],
    [0.4, '40 %'],
    [0.999, '99 %'],
    [1, '100 %'],
  ])('a share of %d is %s', (share, text) => {
    expect(percent(share)).toBe(text);
  });

  it.each([
    [null, '–'],
    [0, '0'],
    [0.44, '0.4'],
    [1_203.7, '1,204'],
  ])('a rate of %s is %s', (value, text) => {
    expect(rate(value)).toBe(text);
  });

  it('has the day of a time that is not of today', () => {
    const now = new Date(2026, 10, 30, 12);
    expect(when(new Date(2026, 10, 30, 8, 5, 9).toISOString(), now)).toBe('08:05:09');
    expect(when(new Date(2026, 10, 29, 8, 5, 9).toISOString(), now)).toBe('29 Nov 08:05:09');
  });
});

describe('pretty JSON', () => {
  it('has a line for each member', () => {
    expect(prettyJson('{"a":[1,{}],"b":{"c":[ ]}, "d":"{x}"}')).toBe(
      '{\n  "a": [\n    1,\n    {}\n  ],\n  "b": {\n    "c": []\n  },\n  "d": "{x}"\n}',
    );
  });

  it('keeps numbers as they were written, and texts that are no JSON', () => {
    expect(prettyJson('{"id":12345678901234567890,"x":1.0}')).toContain('12345678901234567890,\n  "x": 1.0');
    expect(prettyJson('{"id":')).toBe('{"id":');
    expect(prettyJson('')).toBe('');
  });

  it('changes blanks only, for any value', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), fc.boolean(), (text, spaced) => {
        const given = spaced ? JSON.stringify(JSON.parse(text), null, 3) : text;
        const pretty: string = prettyJson(given);
        expect(JSON.stringify(JSON.parse(pretty))).toBe(JSON.stringify(JSON.parse(text)));
      }),
    );
  });
});
