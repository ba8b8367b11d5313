import { describe, expect, it } from 'vitest';
import {
  DeadLetterGroups,
  type DeadLetterSelection,
  matcherOf,
  sinceOf,
} from '../../../src/observe/dead-selection.js';

const NOW = Date.parse('2026-11-21T12:00:00Z');

describe('a time', () => {
  it.each([
    ['10m', NOW - 600_000],
    ['1.5h', NOW - 5_400_000],
    ['2026-11-21T08:00:00Z', Date.parse('2026-11-21T08:00:00Z')],
    ['2026-11-21T08:00+01:00', Date.parse('2026-11-21T07:00:00Z')],
    ['2026-11-21T08:00:00.5z', Date.parse('2026-11-21T08:00:00.500Z')],
    ['2026-11-21', Date.parse('2026-11-21T00:00:00Z')],
    ['2026-11-21T08:00', new Date(2026, 10, 21, 8).getTime()],
    [new Date(5), 5],
  ])('%s', (since, time) => expect(sinceOf(since, NOW)).toBe(time));

  it.each([
    '',
    '10',
    '10x',
    'yesterday',
    '2026',
    '2026-13-01',
    '2026-11-21 08:00',
    '-5m',
    new Date(Number.NaN),
  ])('not %j', (since) =>
    expect(() => sinceOf(since, NOW)).toThrow(/duration such as 10m, or a time such as 2026-11-21T08:00:00Z/),
  );
});

describe('a selection', () => {
  const letter = (ago: number, reason: string, error: string, more = {}) => ({
    id: `${NOW - ago}-0`,
    reason,
    error,
    ...more,
  });
  const letters = [
    letter(1_000, 'failed', 'connect ECONNREFUSED 10.0.0.1'),
    letter(60_000, 'timeout', 'no result within 60s'),
    letter(600_000, 'failed', 'Out Of Stock', { halted: true }),
    letter(600_001, 'invalid-json', ''),
  ];
  it.each<[DeadLetterSelection, number[]]>([
    [{}, [0, 1, 2, 3]],
    [{ reason: 'failed' }, [0, 2]],
    [{ reason: 'fail' }, []],
    [{ error: 'econnrefused' }, [0]],
    [{ error: 'O' }, [0, 1, 2]],
    [{ error: 'ECONN.*' }, []],
    [{ since: '10m' }, [0, 1, 2]],
    [{ since: new Date(NOW - 1_000) }, [0]],
    [{ halted: true }, [2]],
    [{ halted: false }, [0, 1, 2, 3]],
    [{ reason: 'failed', error: 'stock', since: '10m', halted: true }, [2]],
    [{ reason: 'failed', error: 'stock', since: '9m' }, []],
  ])('%j', (selection, found) => {
    const matches = matcherOf(selection, NOW);
    expect(letters.flatMap((one, i) => (matches(one) ? [i] : []))).toEqual(found);
  });

  it.each<DeadLetterSelection>([
    { error: '' },
    { since: 'x' },
    { limit: -1 },
    { limit: 1.5 },
    { limit: Number.NaN },
  ])('refuses %j', (selection) =>
    expect(() => matcherOf(selection, NOW)).toThrow(expect.objectContaining({ code: 'SETTINGS' })),
  );
});

describe('groups of dead letters', () => {
  const grouped = (errors: readonly [reason: string, error: string][], most?: number) => {
    const groups = new DeadLetterGroups(most);
    for (const [i, [reason, error]] of errors.entries())
      groups.add({ id: `${100 - i}-0`, time: `T${100 - i}`, reason, error });
    return groups.groups;
  };

  it('have the same reason, and errors that differ in numbers, ids and quoted texts', () => {
    const groups = grouped([
      ['failed', "no such order 17 of 'Ann'\n    at handler.mjs:3:9"],
      ['timeout', 'no result within 60s'],
      ['failed', "no such order 4711 of 'Bob'"],
      ['failed', "can't reach 7f1b6a0e-9f5e-4e0e-8c55-0b1f8a3c9d10"],
      ['failed', "can't reach 0a2b6a0e-1f5e-4e0e-8c55-0b1f8a3c9d11"],
      ['failed', 'no such account'],
      ['failed', 'no such order 5 of "C"'],
    ]);
    expect(groups).toEqual([
      {
        key: expect.stringMatching(/^[\da-f]{16}$/),
        count: 3,
        reason: 'failed',
        error: "no such order 17 of 'Ann'",
        oldest: 'T94',
        newest: 'T100',
        id: '100-0',
      },
      expect.objectContaining({ count: 2, error: "can't reach 7f1b6a0e-9f5e-4e0e-8c55-0b1f8a3c9d10" }),
      expect.objectContaining({ count: 1, reason: 'timeout' }),
      expect.objectContaining({ count: 1, error: 'no such account' }),
    ]);
  });

  it('are so many, and one for all others', () => {
    const groups = grouped(
      [
        ['failed', 'a'],
        ['failed', 'b'],
        ['failed', 'c'],
        ['failed', 'd'],
        ['failed', 'a'],
        ['timeout', 'a'],
      ],
      2,
    );
    expect(groups.map(({ count, reason, error }) => [count, reason, error])).toEqual([
      [3, '', '(other errors)'],
      [2, 'failed', 'a'],
      [1, 'failed', 'b'],
    ]);
  });
});
