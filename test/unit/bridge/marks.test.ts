import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { markNumber } from '../../../src/bridge/marks.js';
import { markText, SECRET } from '../../helpers/marks.js';

const HIGHEST = 2_000_000_000_000;

describe('a mark', () => {
  it('has a number and its proof', () => {
    expect(markNumber('1764358000123 6efa', SECRET, HIGHEST)).toBeUndefined();
    expect(markNumber(markText(1_764_358_000_123), SECRET, HIGHEST)).toBe(1_764_358_000_123);
    expect(markNumber(markText(HIGHEST), SECRET, HIGHEST)).toBe(HIGHEST);
  });

  it.each([
    ['a number too far ahead', markText(HIGHEST + 1)],
    ['a number that JavaScript does not count exactly', markText(2 ** 53)],
    ['a number of 400 digits', markText('9'.repeat(400))],
    ['a number with a leading zero', markText('017')],
    ['a negative number', markText(-1)],
    ['a fraction', markText(1.5)],
    ['zero', markText(0)],
    ['the proof of another secret', markText(17, SECRET.replace('0', '1'))],
    ['the proof of another number', `18 ${markText(17).slice(3)}`],
    ['a proof in capitals', markText(17).toUpperCase()],
    ['more after the proof', `${markText(17)} 1`],
    ['a line end after the proof', `${markText(17)}\n`],
    ['no proof', '17'],
    ['nothing', ''],
  ])('is none with %s', (_what, text) => {
    expect(markNumber(text, SECRET, HIGHEST)).toBeUndefined();
  });

  it('is only what was made with the secret, whatever text is published', () => {
    const hex = fc.stringMatching(/^[0-9a-f]{40}$/);
    const text = fc.oneof(
      fc.string(),
      fc.tuple(fc.maxSafeNat(), hex).map((words) => words.join(' ')),
    );
    fc.assert(fc.property(text, (published) => markNumber(published, SECRET, HIGHEST) === undefined));
    const number = fc.integer({ min: 1, max: HIGHEST });
    fc.assert(fc.property(number, (made) => markNumber(markText(made), SECRET, HIGHEST) === made));
  });
});
