import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type GapTimes, lostInGaps, UNKNOWN } from '../../../src/verify/gaps.js';
import { LedgerCheck, type LedgerResult, ledgerResultOf } from '../../../src/verify/ledger-check.js';

const NONE = { lost: 0, doubled: 0, unexpected: 0 };

/** A check with these ledgers, each a list of ids. */
function ledgerOf(...files: string[][]): LedgerCheck {
  const check = new LedgerCheck();
  for (const file of files) {
    check.newFile();
    for (const [at, id] of file.entries()) check.list(id, at);
  }
  check.startOver();
  return check;
}

/** What the check has found; of each file it takes at most so many ids. */
function resultOf(check: LedgerCheck, gaps: readonly GapTimes[], deleted: number): LedgerResult {
  const files = [0, 1, 2].map(() => new Float64Array(100).fill(UNKNOWN));
  check.timesInto(files);
  return ledgerResultOf(
    check.sums,
    files.reduce((sum, file) => sum + lostInGaps(file, gaps), 0),
    deleted,
  );
}

describe('the check of a group against ledgers', () => {
  const T = 1_700_000_000_000;

  it.each<[string, string[], string[], string[], object]>([
    ['all settled', ['a', 'b'], ['b', 'a'], [], { ids: 2 }],
    ['some on their way', ['a', 'b'], ['b'], ['a'], {}],
    ['one lost', ['a', 'b'], ['b'], [], { lost: 1, examples: { lost: ['a'] } }],
    ['one doubled', ['a', 'b'], ['b', 'a', 'b'], [], { doubled: 1, examples: { doubled: ['b'] } }],
    ['one unexpected', ['a'], ['b', 'a'], [], { unexpected: 1, examples: { unexpected: ['b'] } }],
    ['an unexpected one on its way', ['a'], ['a'], ['b'], {}],
    ['settled, and on its way once more', ['a'], ['a'], ['a'], {}],
    ['published twice, settled twice', ['a', 'b', 'a'], ['a', 'a', 'b'], [], { ids: 3 }],
    ['published twice, settled once', ['a', 'a'], ['a'], [], { lost: 1 }],
    ['published twice, settled once, once on its way', ['a', 'a'], ['a'], ['a'], {}],
    ['published twice, settled three times', ['a', 'a'], ['a', 'a', 'a'], [], { doubled: 1 }],
    ['an id that no ledger can hold', [], ['a\nb', '', ' '], [], {}],
  ])('%s', (_name, listed, settled, onTheWay, expected) => {
    const check = ledgerOf(listed);
    for (const id of settled) check.settled(id, undefined);
    for (const id of onTheWay) check.onTheWay(id, undefined);
    expect(resultOf(check, [], 0)).toMatchObject({
      ...NONE,
      ids: listed.length,
      untraceable: 0,
      lostInGaps: 0,
      ...expected,
    });
  });

  it('compares multisets', () => {
    const ids = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e'));
    const count = (list: string[], id: string) => list.filter((one) => one === id).length;
    fc.assert(
      fc.property(
        fc.array(ids, { maxLength: 3 }),
        ids,
        ids,
        fc.nat(4),
        (files, settled, onTheWay, deleted) => {
          const check = ledgerOf(...files);
          for (const id of settled) check.settled(id, 5);
          for (const id of onTheWay) check.onTheWay(id, 7);
          const listed = files.flat();
          let [missing, doubled] = [0, 0];
          for (const id of new Set(listed)) {
            missing += Math.max(0, count(listed, id) - count(settled, id) - count(onTheWay, id));
            doubled += Math.max(0, count(settled, id) - count(listed, id));
          }
          const unexpected = settled.filter((id) => !listed.includes(id)).length;
          const lost = Math.max(0, missing - deleted);
          expect(check.sums.missing).toBe(missing);
          expect(resultOf(check, [], deleted)).toMatchObject({
            ids: listed.length,
            lost,
            untraceable: missing - lost,
            doubled,
            unexpected,
            lostInGaps: 0,
          });
          // A gap without beginning and end explains all that is lost, and no more.
          const forever = [{ from: -Infinity, to: Infinity }];
          expect(resultOf(check, forever, deleted).lostInGaps).toBe(lost);
        },
      ),
    );
  });

  it('forgets what it found when it starts over, and keeps the list', () => {
    const check = ledgerOf(['a', 'b']);
    check.settled('a', 1);
    check.settled('c', 1);
    check.onTheWay('b', 1);
    check.startOver();
    check.settled('a', T + 50_000);
    expect(resultOf(check, [{ from: T, to: T }], 0).lostInGaps).toBe(0);
    check.startOver();
    expect(resultOf(check, [], 0)).toMatchObject({
      ids: 2,
      lost: 2,
      doubled: 0,
      unexpected: 0,
      examples: { unexpected: [] },
    });
  });

  /** a at T, then b, c, d, then e 10 s later. */
  const runOf = (...lost: string[]) => {
    const check = ledgerOf(['a', 'b', 'c', 'd', 'e']);
    const times = { a: T, b: T + 1_000, c: T + 5_000, d: T + 9_000, e: T + 10_000 };
    for (const [id, time] of Object.entries(times)) if (!lost.includes(id)) check.settled(id, time);
    return check;
  };

  it.each<[string, string[], number, number, number]>([
    ['a gap at the time of the lost messages', ['b', 'c'], 2_000, 4_000, 2],
    ['a gap at another time', ['b'], 7_000, 8_000, 0],
    ['one of two in a gap', ['b', 'd'], 8_000, 8_500, 1],
    ['the first two are lost, in an early gap', ['a', 'b'], -5_000, -4_000, 2],
    ['the last one is lost, in a late gap', ['e'], 60_000, 61_000, 1],
    ['the first one is lost, the gap is later', ['a'], 4_000, 4_100, 0],
    ['the last one is lost, the gap is earlier', ['e'], 4_000, 4_100, 0],
    ['all are lost', ['a', 'b', 'c', 'd', 'e'], 4_000, 4_100, 5],
    ['a gap a second before', ['c'], -3_000, 0, 1],
    ['more than a second before', ['c'], -3_000, -1, 0],
    ['a gap a second after', ['c'], 10_000, 11_000, 1],
    ['more than a second after', ['c'], 10_001, 11_000, 0],
  ])('%s', (_name, lost, from, to, inGaps) => {
    const result = resultOf(runOf(...lost), [{ from: T + from, to: T + to }], 0);
    expect(result).toMatchObject({ lost: lost.length, lostInGaps: inGaps });
  });

  it('uses the earliest time of a message that was relayed twice, and messages on their way', () => {
    const check = ledgerOf(['a', 'b', 'c']);
    check.onTheWay('c', T + 50_000);
    check.onTheWay('c', T + 1_500);
    check.onTheWay('c', T + 60_000);
    check.onTheWay('a', T);
    expect(resultOf(check, [{ from: T + 20_000, to: T + 30_000 }], 0).lostInGaps).toBe(0);
    expect(resultOf(check, [{ from: T + 1_000, to: T + 1_100 }], 0).lostInGaps).toBe(1);
  });

  it('takes each file on its own', () => {
    const check = ledgerOf(['a', 'b'], ['c', 'd']);
    check.settled('a', T);
    check.settled('d', T + 100_000);
    // b was lost after T, c before T + 100 s; one file would put both between the two.
    expect(resultOf(check, [{ from: T + 200_000, to: T + 200_001 }], 0)).toMatchObject({
      lost: 2,
      lostInGaps: 1,
    });
    expect(resultOf(check, [{ from: T - 200_000, to: T - 199_999 }], 0)).toMatchObject({
      lost: 2,
      lostInGaps: 1,
    });
  });

  it('counts the last listing of an id as the lost one', () => {
    const check = ledgerOf(['x', 'a', 'x', 'b', 'lost', 'c']);
    const times = { x: T, a: T + 10_000, b: T + 20_000, c: T + 40_000 };
    for (const [id, time] of Object.entries(times)) check.settled(id, time);
    expect(resultOf(check, [{ from: T, to: T + 15_000 }], 0)).toMatchObject({ lost: 2, lostInGaps: 1 });
  });

  it('does not use the time of an id that is listed twice', () => {
    const check = ledgerOf(['x', 'a', 'lost', 'x', 'b']);
    check.settled('x', T);
    check.settled('x', T + 60_000);
    check.settled('a', T + 20_000);
    check.settled('b', T + 90_000);
    expect(resultOf(check, [{ from: T + 70_000, to: T + 80_000 }], 0).lostInGaps).toBe(1);
    expect(resultOf(check, [{ from: T + 5_000, to: T + 10_000 }], 0).lostInGaps).toBe(0);
  });
});
