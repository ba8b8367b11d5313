import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Mark, parseMark } from '../../../src/core/bridge-store.js';

/** A mark as `mark.lua` publishes it. */
const write = ({ epoch, token, beat, bridges, relayed, holder }: Mark) =>
  [epoch, token, beat, bridges, relayed?.epoch ?? '', relayed?.offset ?? '', holder].join(' ');

describe('a mark', () => {
  it('has epoch, lease and position', () => {
    expect(parseMark('17 3 250 2 16 9001 host-1-ab#2')).toEqual({
      epoch: 17,
      token: 3,
      beat: 250,
      bridges: 2,
      relayed: { epoch: 16, offset: 9001 },
      holder: 'host-1-ab#2',
    });
  });

  it('of a new group has neither a position nor a leader', () => {
    expect(parseMark('1 0 0 1   ')).toEqual({
      epoch: 1,
      token: 0,
      beat: 0,
      bridges: 1,
      relayed: undefined,
      holder: '',
    });
  });

  it.each([
    '',
    'hello',
    '1 0 0 1',
    '1 0 0 1 ',
    '1 0 0 1  ',
    '1 0 0 1    ',
    '1 0 0 1 5  me',
    '1 0 0 1  5 me',
    '1 0 0 1 x y me',
    '1 0 x 1 1 1 me',
    '1 0 0 x 1 1 me',
    '-1 0 0 1 1 1 me',
    '1.5 0 0 1 1 1 me',
    ' 1 0 0 1 1 1 me',
    '1 0 0 1 1 me',
    '1 0 0 1 1 1 me too',
    '1 0 0 1 1 1 me\n',
  ])('%j is not a mark', (text) => {
    expect(parseMark(text)).toBeUndefined();
  });

  it('is parsed as it was written', () => {
    const number = fc.maxSafeNat();
    const mark = fc.record({
      epoch: number,
      token: number,
      beat: number,
      bridges: number,
      relayed: fc.option(fc.record({ epoch: number, offset: number }), { nil: undefined }),
      holder: fc.stringMatching(/^[\w.#-]*$/),
    });
    fc.assert(
      fc.property(mark, (original) => {
        expect(parseMark(write(original))).toEqual(original);
      }),
    );
  });

  it('has only numbers in the fields of numbers, whatever text is published', () => {
    const word = fc.oneof(fc.constantFrom('', ' ', '1', '-', 'NaN', '0x1'), fc.string({ maxLength: 3 }));
    fc.assert(
      fc.property(fc.array(word, { maxLength: 8 }), (words) => {
        const mark = parseMark(words.join(' '));
        if (!mark) return;
        for (const number of [
          mark.epoch,
          mark.token,
          mark.beat,
          mark.bridges,
          ...Object.values(mark.relayed ?? {}),
        ])
          expect(number).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
