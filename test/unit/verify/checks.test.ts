import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CounterCheck, type Numbers, type StreamName } from '../../../src/verify/counter-check.js';
import { type GapTimes, LOST, lostInGaps, UNKNOWN } from '../../../src/verify/gaps.js';
import { IdIndex } from '../../../src/verify/id-index.js';
import { LedgerCheck } from '../../../src/verify/ledger-check.js';

describe('the index of ids', () => {
  it('numbers ids in the order in which they first come, over as many maps as it takes', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 2 })), fc.integer({ min: 1, max: 10 }), (ids, mostKeys) => {
        const index = new IdIndex(mostKeys);
        const distinct = [...new Set(ids)];
        expect(ids.map((id) => index.add(id))).toEqual(ids.map((id) => distinct.indexOf(id)));
        expect([...index]).toEqual(distinct);
        expect(index.size).toBe(distinct.length);
        expect(distinct.map((id) => index.get(id))).toEqual(distinct.map((_, number) => number));
        expect(index.get('no such id')).toBeUndefined();
      }),
    );
  });
});

/** A group's streams and counters, as they would be if everything were right: tests then spoil them. */
class World {
  output: { id: string; inboxId: string | undefined }[] = [];
  dead: { id: string; inboxId: string | undefined }[] = [];
  backlog = 0;
  readonly counters = { relayed: 0, processed: 0, dead: 0, lost: 0, trimmed: 0, purged: 0 };
  #ids = 0;

  newId(): string {
    return `1700000000000-${++this.#ids}`;
  }

  relay(count: number): this {
    this.counters.relayed += count;
    this.backlog += count;
    return this;
  }

  settle(stream: StreamName, count: number): this {
    for (let i = 0; i < count; i++) this[stream].push({ id: this.newId(), inboxId: this.newId() });
    this.counters[stream === 'output' ? 'processed' : 'dead'] += count;
    this.backlog -= count;
    return this;
  }

  account(): CounterCheck {
    const account = new CounterCheck();
    for (const stream of ['output', 'dead'] as const)
      for (const { id, inboxId } of this[stream]) account.settled(stream, id, inboxId);
    return account;
  }

  numbers(): Numbers {
    return {
      backlog: this.backlog,
      outputLength: this.output.length,
      deadLength: this.dead.length,
      counters: this.counters,
    };
  }

  differences() {
    return this.account().differences(this.numbers());
  }
}

/** 20 messages: 10 processed, 5 dead, 5 in the backlog. */
const world = () => new World().relay(20).settle('output', 10).settle('dead', 5);
const NONE = { lost: 0, doubled: 0, unexpected: 0 };

describe('streams against counters', () => {
  it.each<[string, (world: World) => unknown, Partial<typeof NONE>]>([
    ['all is well', () => {}, {}],
    ['a result is gone', (w) => w.output.pop(), { lost: 1 }],
    ['a dead letter is gone', (w) => w.dead.pop(), { lost: 1 }],
    ['both', (w) => [w.output.pop(), w.dead.pop()], { lost: 2 }],
    ['the whole output is gone', (w) => (w.output = []), { lost: 10 }],
    ['an entry was deleted from the inbox', (w) => w.backlog--, { lost: 1 }],
    ['and was found to be', (w) => [w.backlog--, w.counters.lost++], { lost: 1 }],
    ['results were trimmed', (w) => (w.counters.trimmed = w.output.splice(0, 4).length), {}],
    ['and one more is gone', (w) => (w.counters.trimmed = w.output.splice(0, 4).length - 1), { lost: 1 }],
    ['dead letters were purged', (w) => (w.counters.purged = w.dead.splice(0).length), {}],
    ['and one more is gone', (w) => (w.counters.purged = w.dead.splice(0).length - 1), { lost: 1 }],
    ['a copy of a result', (w) => w.output.push({ ...w.output[3], id: w.newId() } as never), { doubled: 1 }],
    ['a copy of a dead letter', (w) => w.dead.push({ ...w.dead[3], id: w.newId() } as never), { doubled: 1 }],
    [
      'a result and a dead letter of one message',
      (w) => w.dead.push({ ...w.output[3], id: w.newId() } as never),
      { doubled: 1 },
    ],
    [
      'a dead letter and a result of one message',
      (w) => w.output.push({ ...w.dead[3], id: w.newId() } as never),
      { doubled: 1 },
    ],
    [
      'a copy, a dead letter gone, and a result that looks like ours',
      (w) => [
        w.output.push({ ...w.output[3], id: w.newId() } as never, { id: w.newId(), inboxId: w.newId() }),
        w.dead.pop(),
      ],
      { doubled: 1, lost: 1, unexpected: 1 },
    ],
    [
      'an entry was added to the inbox, and a result is gone',
      (w) => [w.backlog++, w.output.pop()],
      { unexpected: 1, lost: 1 },
    ],
    [
      'a copy, and another one is gone',
      (w) => [w.output.shift(), w.output.push({ ...w.output[3], id: w.newId() } as never)],
      { doubled: 1, lost: 1 },
    ],
    ['a foreign result', (w) => w.output.push({ id: w.newId(), inboxId: undefined }), { unexpected: 1 }],
    ['a foreign dead letter', (w) => w.dead.push({ id: w.newId(), inboxId: undefined }), { unexpected: 1 }],
    [
      'one that looks like ours',
      (w) => w.output.push({ id: w.newId(), inboxId: w.newId() }),
      { unexpected: 1 },
    ],
    ['a dead letter like that', (w) => w.dead.push({ id: w.newId(), inboxId: w.newId() }), { unexpected: 1 }],
    [
      'a foreign one in place of ours',
      (w) => [w.output.shift(), w.output.push({ id: w.newId(), inboxId: undefined })],
      { unexpected: 1, lost: 1 },
    ],
    ['an entry was added to the inbox', (w) => w.backlog++, { unexpected: 1 }],
    [
      'a message was committed twice',
      (w) => [w.output.push({ ...w.output[3], id: w.newId() } as never), w.counters.processed++],
      { doubled: 1 },
    ],
    [
      'a message was committed and buried',
      (w) => [w.dead.push({ ...w.output[3], id: w.newId() } as never), w.counters.dead++],
      { doubled: 1 },
    ],
    [
      'committed twice, and another result is gone',
      (w) => [
        w.output.shift(),
        w.output.push({ ...w.output[3], id: w.newId() } as never),
        w.counters.processed++,
      ],
      { doubled: 1, lost: 1 },
    ],
  ])('%s', (_name, spoil, expected) => {
    const spoilt = world();
    spoil(spoilt);
    expect(spoilt.differences()).toEqual({ ...NONE, ...expected });
  });

  it('finds whatever is taken away, copied and added, at once', () => {
    const few = fc.nat(5);
    const recipe = fc.record({
      output: fc.nat(20),
      dead: fc.nat(20),
      backlog: fc.nat(20),
      trimmed: few,
      purged: few,
      lost: few,
      inboxDeleted: few,
      deleted: fc.array(fc.constantFrom('output' as const, 'dead' as const), { maxLength: 5 }),
      copies: fc.array(fc.tuple(fc.constantFrom('output' as const, 'dead' as const), fc.nat()), {
        maxLength: 5,
      }),
      foreign: fc.array(fc.constantFrom('output' as const, 'dead' as const), { maxLength: 5 }),
    });
    fc.assert(
      fc.property(recipe, (r) => {
        const w = new World().relay(r.output + r.dead + r.backlog + r.lost + r.inboxDeleted);
        w.settle('output', r.output).settle('dead', r.dead);
        w.counters.trimmed = w.output.splice(0, r.trimmed).length;
        w.counters.purged = w.dead.splice(0, r.purged).length;
        w.counters.lost = r.lost;
        w.backlog -= r.lost + r.inboxDeleted;
        let lost = r.lost + r.inboxDeleted;
        for (const stream of r.deleted) if (w[stream].pop()) lost++;
        const originals = [...w.output, ...w.dead];
        let doubled = 0;
        for (const [stream, which] of r.copies) {
          const original = originals[which % originals.length];
          if (original) doubled = w[stream].push({ ...original, id: w.newId() }) && doubled + 1;
        }
        for (const stream of r.foreign) w[stream].push({ id: w.newId(), inboxId: undefined });
        expect(w.differences()).toEqual({ lost, doubled, unexpected: r.foreign.length });
      }),
    );
  });

  it('goes by the lengths of the moment, whatever was trimmed before it was read', () => {
    const whole = world();
    const numbers = { ...whole.numbers() };
    whole.output.splice(0, 7);
    expect(whole.account().differences(numbers)).toEqual(NONE);
  });

  it('gives examples: inbox ids of the doubled, entry ids of the unexpected, ten at most', () => {
    const account = new CounterCheck();
    for (let i = 0; i < 12; i++) {
      account.settled('output', `1-${i}`, `9-${i}`);
      account.settled('dead', `2-${i}`, `9-${i}`);
      account.settled('dead', `3-${i}`, undefined);
      account.settled('dead', `4-${i}`, '9-0');
    }
    const ten = Array.from({ length: 10 }, (_, i) => i);
    expect(account.examples).toEqual({
      lost: [],
      doubled: ten.map((i) => `9-${i}`),
      unexpected: ten.map((i) => `3-${i}`),
    });
  });
});

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

describe('lost in gaps', () => {
  const gaps = fc.array(
    fc
      .tuple(fc.integer({ min: 1, max: 100_000 }), fc.nat(20_000))
      .map(([from, length]) => ({ from, to: from + length })),
    { maxLength: 4 },
  );
  const touches = (list: readonly GapTimes[], low: number, high: number) =>
    list.some(({ from, to }) => from <= high + 1_000 && to >= low - 1_000);

  it('is told by the nearest that were relayed, before and after', () => {
    const steps = fc.array(fc.tuple(fc.nat(5_000), fc.constantFrom('relayed', 'lost', 'unknown')));
    fc.assert(
      fc.property(steps, gaps, (messages, list) => {
        let now = 1;
        const at = messages.map(([step, kind]) => {
          now += step;
          return kind === 'relayed' ? now : kind === 'lost' ? LOST : UNKNOWN;
        });
        let expected = 0;
        for (const [i, time] of at.entries()) {
          if (time !== LOST) continue;
          const before = at.slice(0, i).findLast((t) => t > 0) ?? -Infinity;
          const after = at.slice(i).find((t) => t > 0) ?? Infinity;
          if (touches(list, before, after)) expected++;
        }
        expect(lostInGaps(Float64Array.from(at), list)).toBe(expected);
      }),
    );
  });

  it('does not go by messages that were sent back, and thus came out of order', () => {
    const at = Float64Array.of(1_000, 900_000, LOST, 800_000, 3_000);
    expect(lostInGaps(at, [{ from: 1_500, to: 2_500 }])).toBe(1);
    expect(lostInGaps(at, [{ from: 850_000, to: 860_000 }])).toBe(0);
    expect(lostInGaps(at, [{ from: 5_000, to: 6_000 }])).toBe(0);
  });
});
