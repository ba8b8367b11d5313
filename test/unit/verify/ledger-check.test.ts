import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LedgerCheck } from '../../../src/verify/ledger-check.js';

const NONE = { lost: 0, doubled: 0, unexpected: 0 };

/** An account of ledgers, given as lists of ids. */
function ledgerOf(...files: string[][]): LedgerCheck {
  const account = new LedgerCheck();
  for (const file of files) {
    account.newFile();
    for (const id of file) account.list(id);
  }
  account.startOver();
  return account;
}

describe('messages against a ledger', () => {
  const T = 1_700_000_000_000;

  it.each<[string, string[], string[], string[], object]>([
    ['all settled', ['a', 'b'], ['b', 'a'], [], { ids: 2 }],
    ['some on their way', ['a', 'b'], ['b'], ['a'], {}],
    ['one lost', ['a', 'b'], ['b'], [], { lost: 1, examples: { lost: ['a'] } }],
    ['one doubled', ['a', 'b'], ['b', 'a', 'b'], [], { doubled: 1, examples: { doubled: ['b'] } }],
    ['one unexpected', ['a'], ['b', 'a'], [], { unexpected: 1, examples: { unexpected: ['b'] } }],
    ['an unexpected one on its way', ['a'], ['a'], ['b'], {}],
    ['settled, and once more on its way', ['a'], ['a'], ['a'], {}],
    ['published twice, settled twice', ['a', 'b', 'a'], ['a', 'a', 'b'], [], { ids: 3 }],
    ['published twice, settled once', ['a', 'a'], ['a'], [], { lost: 1 }],
    ['published twice, settled once, once on its way', ['a', 'a'], ['a'], ['a'], {}],
    ['published twice, settled three times', ['a', 'a'], ['a', 'a', 'a'], [], { doubled: 1 }],
    ['an id that no ledger can hold', [], ['a\nb', '', ' '], [], {}],
  ])('%s', (_name, listed, settled, onTheWay, expected) => {
    const account = ledgerOf(listed);
    for (const id of settled) account.settled(id, undefined);
    for (const id of onTheWay) account.onTheWay(id, undefined);
    expect(account.result([], 0)).toMatchObject({
      ...NONE,
      ids: listed.length,
      untraceable: 0,
      lostInGaps: 0,
      ...expected,
    });
  });

  it('is a comparison of multisets', () => {
    const ids = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e'));
    const count = (list: string[], id: string) => list.filter((one) => one === id).length;
    fc.assert(
      fc.property(
        fc.array(ids, { maxLength: 3 }),
        ids,
        ids,
        fc.nat(4),
        (files, settled, onTheWay, deleted) => {
          const account = ledgerOf(...files);
          for (const id of settled) account.settled(id, 5);
          for (const id of onTheWay) account.onTheWay(id, 7);
          const listed = files.flat();
          let [missing, doubled] = [0, 0];
          for (const id of new Set(listed)) {
            missing += Math.max(0, count(listed, id) - count(settled, id) - count(onTheWay, id));
            doubled += Math.max(0, count(settled, id) - count(listed, id));
          }
          const unexpected = settled.filter((id) => !listed.includes(id)).length;
          const lost = Math.max(0, missing - deleted);
          expect(account.missing).toBe(missing);
          expect(account.result([], deleted)).toMatchObject({
            ids: listed.length,
            lost,
            untraceable: missing - lost,
            doubled,
            unexpected,
            lostInGaps: 0,
          });
          // A gap without beginning and end takes all the blame, and no more.
          const forever = [{ from: -Infinity, to: Infinity }];
          expect(account.result(forever, deleted).lostInGaps).toBe(lost);
        },
      ),
    );
  });

  it('forgets what was found, but not what is listed', () => {
    const account = ledgerOf(['a', 'b']);
    account.settled('a', 1);
    account.settled('c', 1);
    account.onTheWay('b', 1);
    account.startOver();
    account.settled('a', T + 50_000);
    expect(account.result([{ from: T, to: T }], 0).lostInGaps).toBe(0);
    account.startOver();
    expect(account.result([], 0)).toMatchObject({
      ids: 2,
      lost: 2,
      doubled: 0,
      unexpected: 0,
      examples: { unexpected: [] },
    });
  });

  /** a at T, then b, c, d, then e 10 s later. */
  const runOf = (...lost: string[]) => {
    const account = ledgerOf(['a', 'b', 'c', 'd', 'e']);
    const times = { a: T, b: T + 1_000, c: T + 5_000, d: T + 9_000, e: T + 10_000 };
    for (const [id, time] of Object.entries(times)) if (!lost.includes(id)) account.settled(id, time);
    return account;
  };

  it.each<[string, string[], number, number, number]>([
    ['a gap right where they are lost', ['b', 'c'], 2_000, 4_000, 2],
    ['a gap elsewhere', ['b'], 7_000, 8_000, 0],
    ['one of two in a gap', ['b', 'd'], 8_000, 8_500, 1],
    ['at the beginning', ['a', 'b'], -5_000, -4_000, 2],
    ['at the end', ['e'], 60_000, 61_000, 1],
    ['a gap after the first ones', ['a'], 4_000, 4_100, 0],
    ['a gap before the last ones', ['e'], 4_000, 4_100, 0],
    ['all', ['a', 'b', 'c', 'd', 'e'], 4_000, 4_100, 5],
    ['a second of slack before', ['c'], -3_000, 0, 1],
    ['and no more', ['c'], -3_000, -1, 0],
    ['a second of slack behind', ['c'], 10_000, 11_000, 1],
    ['and not more', ['c'], 10_001, 11_000, 0],
  ])('%s', (_name, lost, from, to, inGaps) => {
    const result = runOf(...lost).result([{ from: T + from, to: T + to }], 0);
    expect(result).toMatchObject({ lost: lost.length, lostInGaps: inGaps });
  });

  it('goes by the earliest time of a message that was relayed twice, and by messages on their way', () => {
    const account = ledgerOf(['a', 'b', 'c']);
    account.onTheWay('c', T + 50_000);
    account.onTheWay('c', T + 1_500);
    account.onTheWay('c', T + 60_000);
    account.onTheWay('a', T);
    expect(account.result([{ from: T + 20_000, to: T + 30_000 }], 0).lostInGaps).toBe(0);
    expect(account.result([{ from: T + 1_000, to: T + 1_100 }], 0).lostInGaps).toBe(1);
  });

  it('takes each file for itself', () => {
    const account = ledgerOf(['a', 'b'], ['c', 'd']);
    account.settled('a', T);
    account.settled('d', T + 100_000);
    // b was lost after T, c before T + 100 s; one file would put both between the two.
    expect(account.result([{ from: T + 200_000, to: T + 200_001 }], 0)).toMatchObject({
      lost: 2,
      lostInGaps: 1,
    });
    expect(account.result([{ from: T - 200_000, to: T - 199_999 }], 0)).toMatchObject({
      lost: 2,
      lostInGaps: 1,
    });
  });

  it('takes the last of those that are listed twice for the lost one', () => {
    const account = ledgerOf(['x', 'a', 'x', 'b', 'lost', 'c']);
    const times = { x: T, a: T + 10_000, b: T + 20_000, c: T + 40_000 };
    for (const [id, time] of Object.entries(times)) account.settled(id, time);
    expect(account.result([{ from: T, to: T + 15_000 }], 0)).toMatchObject({ lost: 2, lostInGaps: 1 });
  });

  it('does not go by an id that is listed twice', () => {
    const account = ledgerOf(['x', 'a', 'lost', 'x', 'b']);
    account.settled('x', T);
    account.settled('x', T + 60_000);
    account.settled('a', T + 20_000);
    account.settled('b', T + 90_000);
    expect(account.result([{ from: T + 70_000, to: T + 80_000 }], 0).lostInGaps).toBe(1);
    expect(account.result([{ from: T + 5_000, to: T + 10_000 }], 0).lostInGaps).toBe(0);
  });
});
