import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CounterCheck } from '../../../src/verify/counter-check.js';
import type { Examples } from '../../../src/verify/differences.js';
import { LOST, lostInGaps } from '../../../src/verify/gaps.js';
import { LedgerCheck, ledgerResultOf } from '../../../src/verify/ledger-check.js';
import { Spill } from '../../../src/verify/spill.js';
import { SpilledCounters } from '../../../src/verify/spilled-counters.js';
import { SpilledLedger } from '../../../src/verify/spilled-ledger.js';

const sorted = (examples: Examples) =>
  Object.fromEntries(Object.entries(examples).map(([name, ids]) => [name, [...ids].sort()]));

it('a check of the counters in parts finds what one of all finds', async () => {
  const entry = fc.record({
    stream: fc.constantFrom('output' as const, 'dead' as const),
    inboxId: fc.option(
      fc.nat(5).map((n) => `17-${n}`),
      { nil: undefined },
    ),
  });
  const numbers = { backlog: 2, parked: 0, outputLength: 9, deadLetters: 3, outputType: 'stream' as const };
  const counters = { relayed: 15, processed: 9, dead: 3, lost: 0, trimmed: 0, purged: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 12 }), async (entries) => {
      // All of the output comes first.
      entries.sort((a, b) => Number(a.stream === 'dead') - Number(b.stream === 'dead'));
      const one = new CounterCheck();
      const parts = new SpilledCounters(new Spill(20));
      for (const [i, { stream, inboxId }] of entries.entries()) {
        one.settled(stream, `18-${i}`, inboxId);
        parts.settled(stream, `18-${i}`, inboxId);
      }
      const all = await parts.compare();
      expect(all.differences({ ...numbers, counters })).toEqual(one.differences({ ...numbers, counters }));
      expect(sorted(all.examples)).toEqual(sorted(one.examples));
      parts.close();
    }),
    { numRuns: 100 },
  );
});

it('a check of ledgers in parts finds what one of all finds, gaps included', async () => {
  const id = fc.constantFrom('a', 'b c', 'd', '1 2 3', 'ä', ' f');
  const found = fc.tuple(
    id,
    fc.option(
      fc.integer({ min: 1, max: 9 }).map((n) => n * 10_000),
      { nil: undefined },
    ),
    fc.boolean(),
  );
  const gap = fc.tuple(fc.nat(90_000), fc.nat(20_000)).map(([from, length]) => ({ from, to: from + length }));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(id, { maxLength: 8 }), { minLength: 1, maxLength: 3 }),
      fc.array(found, { maxLength: 12 }),
      fc.array(gap, { maxLength: 2 }),
      fc.nat(2),
      async (files, all, gaps, deleted) => {
        const one = new LedgerCheck();
        const parts = new SpilledLedger(new Spill(20), new Spill(20));
        for (const file of files) {
          one.newFile();
          parts.newFile();
          for (const [at, text] of file.entries()) {
            one.list(text, at);
            parts.list(text);
          }
        }
        one.startOver();
        parts.settled('forgotten', 1);
        parts.startOver();
        for (const [text, at, isSettled] of all) {
          for (const check of [one, parts]) isSettled ? check.settled(text, at) : check.onTheWay(text, at);
        }
        const times = files.map((file) => new Float64Array(file.length).fill(LOST));
        one.timesInto(times);
        const inGaps = times.reduce((sum, file) => sum + lostInGaps(file, gaps), 0);
        const expected = ledgerResultOf(
          one.sums,
          one.sums.missing > 0 && gaps.length > 0 ? inGaps : 0,
          deleted,
        );
        const { examples, ...counts } = await parts.result(gaps, deleted);
        const { examples: theirs, ...others } = expected;
        expect(counts).toEqual(others);
        expect(sorted(examples)).toEqual(sorted(theirs));
        parts.close();
      },
    ),
    { numRuns: 200 },
  );
});
