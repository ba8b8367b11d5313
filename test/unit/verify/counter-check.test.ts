import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CounterCheck, type Numbers, type StreamName } from '../../../src/verify/counter-check.js';

/** The streams and counters of a healthy group, for tests to spoil. */
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

  check(): CounterCheck {
    const check = new CounterCheck();
    for (const stream of ['output', 'dead'] as const)
      for (const { id, inboxId } of this[stream]) check.settled(stream, id, inboxId);
    return check;
  }

  numbers(): Numbers {
    return {
      backlog: this.backlog,
      outputType: 'stream' as const,
      parked: 0,
      outputLength: this.output.length,
      deadLetters: this.dead.length,
      counters: this.counters,
    };
  }

  differences() {
    return this.check().differences(this.numbers());
  }
}

/** 20 messages: 10 processed, 5 dead, 5 in the backlog. */
const world = () => new World().relay(20).settle('output', 10).settle('dead', 5);
const NONE = { lost: 0, doubled: 0, unexpected: 0 };

describe('the check of streams against counters', () => {
  it.each<[string, (world: World) => unknown, Partial<typeof NONE>]>([
    ['all is well', () => {}, {}],
    ['a result is gone', (w) => w.output.pop(), { lost: 1 }],
    ['a dead letter is gone', (w) => w.dead.pop(), { lost: 1 }],
    ['a result and a dead letter are gone', (w) => [w.output.pop(), w.dead.pop()], { lost: 2 }],
    ['the whole output is gone', (w) => (w.output = []), { lost: 10 }],
    ['an entry was deleted from the inbox', (w) => w.backlog--, { lost: 1 }],
    [
      'an entry was deleted from the inbox, and counted as lost',
      (w) => [w.backlog--, w.counters.lost++],
      { lost: 1 },
    ],
    ['results were trimmed', (w) => (w.counters.trimmed = w.output.splice(0, 4).length), {}],
    [
      'results were trimmed, and one more is gone',
      (w) => (w.counters.trimmed = w.output.splice(0, 4).length - 1),
      { lost: 1 },
    ],
    ['dead letters were purged', (w) => (w.counters.purged = w.dead.splice(0).length), {}],
    [
      'dead letters were purged, and one more is gone',
      (w) => (w.counters.purged = w.dead.splice(0).length - 1),
      { lost: 1 },
    ],
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
      'a copy of a result, and another result is gone',
      (w) => [w.output.shift(), w.output.push({ ...w.output[3], id: w.newId() } as never)],
      { doubled: 1, lost: 1 },
    ],
    ['a foreign result', (w) => w.output.push({ id: w.newId(), inboxId: undefined }), { unexpected: 1 }],
    ['a foreign dead letter', (w) => w.dead.push({ id: w.newId(), inboxId: undefined }), { unexpected: 1 }],
    [
      'a foreign result that looks like ours',
      (w) => w.output.push({ id: w.newId(), inboxId: w.newId() }),
      { unexpected: 1 },
    ],
    [
      'a foreign dead letter that looks like ours',
      (w) => w.dead.push({ id: w.newId(), inboxId: w.newId() }),
      { unexpected: 1 },
    ],
    [
      'a foreign result in place of ours',
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

  it('finds entries that are deleted, copied and added, all at once', () => {
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

  it('uses the lengths of the moment, whatever is trimmed before it is read', () => {
    const whole = world();
    const numbers = { ...whole.numbers() };
    whole.output.splice(0, 7);
    expect(whole.check().differences(numbers)).toEqual(NONE);
  });

  it('gives examples: inbox ids of the doubled, entry ids of the unexpected, ten at most', () => {
    const check = new CounterCheck();
    for (let i = 0; i < 12; i++) {
      check.settled('output', `1-${i}`, `9-${i}`);
      check.settled('dead', `2-${i}`, `9-${i}`);
      check.settled('dead', `3-${i}`, undefined);
      check.settled('dead', `4-${i}`, '9-0');
    }
    const ten = Array.from({ length: 10 }, (_, i) => i);
    expect(check.examples).toEqual({
      lost: [],
      doubled: ten.map((i) => `9-${i}`),
      unexpected: ten.map((i) => `3-${i}`),
    });
  });
});
