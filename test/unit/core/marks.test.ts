import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readMark } from '../../../src/core/marks.js';
import { markText, SECRET } from '../../helpers/marks.js';

const HIGHEST = 2_000_000_000_000;

describe('a mark', () => {
  it('has a number and its proof', () => {
    expect(readMark('1764358000123 6efa', SECRET, HIGHEST)).toBeUndefined();
    expect(readMark(markText(1_764_358_000_123), SECRET, HIGHEST)).toEqual({
      number: 1_764_358_000_123,
      server: undefined,
    });
    expect(readMark(markText(HIGHEST), SECRET, HIGHEST)?.number).toBe(HIGHEST);
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
    ['a proof that does not cover the server', `${markText(17)} ${'a'.repeat(40)}`],
    [
      'the proof of another server',
      markText(17, SECRET, 'b'.repeat(40)).replaceAll('b'.repeat(40), 'c'.repeat(40)),
    ],
    ['no server after a blank', `${markText(17)} `],
    ['no proof', '17'],
    ['nothing', ''],
  ])('is none with %s', (_what, text) => {
    expect(readMark(text, SECRET, HIGHEST)).toBeUndefined();
  });

  it('says by which server it was made', () => {
    const server = 'a'.repeat(40);
    expect(readMark(markText(17, SECRET, server), SECRET, HIGHEST)).toEqual({ number: 17, server });
  });

  it('is only what was made with the secret, whatever text is published', () => {
    const hex = fc.stringMatching(/^[0-9a-f]{40}$/);
    const text = fc.oneof(
      fc.string(),
      fc.tuple(fc.maxSafeNat(), hex).map((words) => words.join(' ')),
    );
    fc.assert(fc.property(text, (published) => readMark(published, SECRET, HIGHEST) === undefined));
    const number = fc.integer({ min: 1, max: HIGHEST });
    fc.assert(fc.property(number, (made) => readMark(markText(made), SECRET, HIGHEST)?.number === made));
  });
});
