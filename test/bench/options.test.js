import { describe, expect, it, vi } from 'vitest';
import { readOptions } from './options.js';
import { FULL, SHORT } from './sizes.js';

describe('readOptions', () => {
  it('measures everything and generates the page, by default', () => {
    expect(readOptions([])).toEqual({ sizes: FULL, short: false, docs: true, json: undefined });
  });

  it('measures a selection in the usual order, and does not generate the page', () => {
    const { sizes, docs } = readOptions(['--only', 'drain,flood']);
    expect(Object.keys(sizes)).toEqual(['flood', 'drain']);
    expect(docs).toBe(false);
    expect(readOptions(['--only', 'drain', '--docs']).docs).toBe(true);
  });

  it('takes sizes', () => {
    const { sizes } = readOptions(['--rounds', '7', '--messages', '1000', '--soak', '30m']);
    expect(sizes.flood).toMatchObject({ rounds: 7, messages: 1_000 });
    expect(sizes.drain).toMatchObject({ rounds: 7, messages: FULL.drain.messages });
    expect(sizes.watched).toEqual({ ...FULL.watched, pairs: 7 });
    expect(sizes.soak).toEqual({ ...FULL.soak, seconds: 1_800 });
  });

  it('has a short form of every measure', () => {
    expect(readOptions(['--short'])).toMatchObject({ sizes: SHORT, short: true, docs: false });
    expect(Object.keys(SHORT)).toEqual(Object.keys(FULL));
  });

  it.each([
    [['--only', 'flod'], '"flod" is none of flood'],
    [['--rounds', '0'], 'whole number'],
    [['--soak', 'long'], 'duration'],
    [['--fast'], 'unknown option'],
    [['--short', '--docs'], 'cannot be used with'],
  ])('refuses %j', (args, why) => {
    const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    expect(() => readOptions(args)).toThrow(why);
    stderr.mockRestore();
  });
});
