import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { type OutputEnd, outputEntryOf } from '../../../src/redis/output.js';
import type { ReadingWithEnd, StreamEntry } from '../../../src/redis/reading.js';
import type { Readable, ReadableLane } from '../../../src/verify/look.js';
import { verify } from '../../../src/verify/verify.js';

// No pause between two looks: this group goes on with each of its answers.
vi.mock(import('../../../src/core/service.js'), async (original) => ({
  ...(await original()),
  pause: () => Promise.resolve(),
}));

const folder = mkdtempSync(join(tmpdir(), 'cgroup-verify-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function ledgerFile(ids: readonly string[]): string {
  const path = join(folder, 'ids.txt');
  writeFileSync(path, ids.map((id) => `${id}\n`).join(''));
  return path;
}

type Entry = { id: string; messageId: string | undefined; inboxId: string };
type Deed = 'relay' | 'commit' | 'bury' | 'revive' | 'trim' | 'purge' | 'spoil' | 'nothing';

/** A group in memory that goes on while it is read: it does its next deed before each answer. */
class RunningGroup implements Readable, ReadableLane {
  readonly lanes = [this];
  readonly inboxEntries: { id: string; messageId: string | undefined }[] = [];
  readonly outputEntries: Entry[] = [];
  readonly deadEntries: Entry[] = [];
  readonly gapRecords: { from: number; to: number; reason: string }[] = [];
  readonly counters = {
    relayed: 0,
    processed: 0,
    failed: 0,
    retried: 0,
    dead: 0,
    gaps: 0,
    lost: 0,
    trimmed: 0,
    purged: 0,
    revived: 0,
    foreignMarks: 0,
  };
  looks = 0;
  readonly #page: number;
  #deeds: Iterator<Deed>;
  #published: string[] = [];
  #seq = 0;
  #lastOutput = '';
  #lastDead = '';

  constructor(deeds: Iterable<Deed> = [], page = 2) {
    this.#deeds = deeds[Symbol.iterator]();
    this.#page = page;
  }

  publish(...ids: string[]): this {
    this.#published.push(...ids);
    return this;
  }

  do(...deeds: Deed[]): this {
    for (const deed of deeds) this.#do(deed);
    return this;
  }

  async readWithEnd(): Promise<ReadingWithEnd> {
    this.looks++;
    this.#goOn();
    return {
      outputType: 'stream',
      order: { kind: 'none', head: null, parked: 0, window: null },
      parked: 0,
      backlog: this.inboxEntries.length,
      counters: { ...this.counters },
      outputLength: this.outputEntries.length,
      deadLetters: this.deadEntries.length,
      lastOutput: this.#lastOutput,
      lastDead: this.#lastDead,
    } as ReadingWithEnd;
  }

  async gaps() {
    return { records: this.gapRecords, foreign: [] };
  }

  async *output({ lastOutput }: OutputEnd) {
    const fields = (e: Entry) => ({
      message_id: e.messageId,
      consumer_id: 'c',
      inbox_id: e.inboxId,
      data: '{}',
    });
    for await (const entry of this.#pages(this.outputEntries, fields, lastOutput)) yield outputEntryOf(entry);
  }

  deadLetters(last = '+') {
    const fields = (e: Entry) => ({
      message: JSON.stringify({ message_id: e.messageId }),
      inbox_id: e.inboxId,
    });
    return this.#pages(this.deadEntries, fields, last);
  }

  async *parked() {}

  inbox() {
    return this.#pages(
      this.inboxEntries,
      (e) => ({ message: JSON.stringify({ message_id: e.messageId }) }),
      '+',
    );
  }

  /** Page by page, like the Inspector; the group goes on before each page. */
  async *#pages<T extends { id: string }>(
    entries: T[],
    fieldsOf: (entry: T) => Record<string, string | undefined>,
    last: string,
  ): AsyncGenerator<StreamEntry> {
    if (last === '') return;
    const seq = (id: string) => Number(id.split('-')[1]);
    let from = -1;
    for (;;) {
      this.#goOn();
      const page = entries
        .filter(({ id }) => seq(id) > from && (last === '+' || seq(id) <= seq(last)))
        .slice(0, this.#page);
      for (const entry of page) {
        const texts = Object.entries(fieldsOf(entry)).filter(([, text]) => text !== undefined);
        const fields = texts.map(([name, text]) => [name, Buffer.from(text as string)]);
        yield { id: entry.id, fields: Object.fromEntries(fields) };
        from = seq(entry.id);
      }
      if (page.length < this.#page) return;
    }
  }

  #goOn(): void {
    const next = this.#deeds.next();
    if (!next.done) this.#do(next.value);
  }

  #id(): string {
    return `1700000000000-${++this.#seq}`;
  }

  #do(deed: Deed): void {
    const { counters } = this;
    switch (deed) {
      case 'relay': {
        const messageId = this.#published.shift();
        if (messageId === undefined) return;
        this.inboxEntries.push({ id: this.#id(), messageId });
        counters.relayed++;
        return;
      }
      case 'commit':
      case 'bury': {
        const entry = this.inboxEntries.shift();
        if (!entry) return;
        const settled = { id: this.#id(), messageId: entry.messageId, inboxId: entry.id };
        if (deed === 'commit') {
          this.outputEntries.push(settled);
          this.#lastOutput = settled.id;
          counters.processed++;
        } else {
          this.deadEntries.push(settled);
          this.#lastDead = settled.id;
          counters.dead++;
        }
        return;
      }
      case 'revive': {
        const deadLetter = this.deadEntries.pop();
        if (!deadLetter) return;
        this.#lastDead = this.deadEntries.at(-1)?.id ?? '';
        this.inboxEntries.push({ id: this.#id(), messageId: deadLetter.messageId });
        counters.dead--;
        counters.revived++;
        return;
      }
      case 'trim':
        if (this.outputEntries.shift()) counters.trimmed++;
        if (this.outputEntries.length === 0) this.#lastOutput = '';
        return;
      case 'spoil':
        this.#lastOutput = this.#id();
        this.outputEntries.push({ id: this.#lastOutput, messageId: 'foreign', inboxId: 'none' });
        return;
      case 'purge':
        counters.purged += this.deadEntries.splice(0).length;
        this.#lastDead = '';
    }
  }
}

const IDS = Array.from({ length: 12 }, (_, i) => `m${i}`);
const OK = { ok: true, lost: 0, doubled: 0, unexpected: 0, untraceable: 0 };

/** 12 messages: m0 to m5 processed, m6 to m8 dead, m9 to m11 unsettled. */
function group(deeds: Iterable<Deed> = []): RunningGroup {
  const made = new RunningGroup(deeds).publish(...IDS);
  for (const _ of IDS) made.do('relay');
  return made.do(...Array<Deed>(6).fill('commit'), ...Array<Deed>(3).fill('bury'));
}

describe('verify', () => {
  it('finds nothing wrong with a healthy group', async () => {
    expect(await verify(group())).toEqual({
      relayed: 12,
      processed: 6,
      dead: 3,
      backlog: 3,
      parked: 0,
      doubled: 0,
      lost: 0,
      lostInGaps: 0,
      unexpected: 0,
      ok: true,
      outputType: 'stream',
      order: 'none',
      outOfOrder: 0,
      trimmed: 0,
      purged: 0,
      taken: 0,
      gaps: 0,
      ledger: null,
      untraceable: 0,
      byCounters: { lost: 0, doubled: 0, unexpected: 0 },
      byLedger: null,
      examples: { lost: [], doubled: [], unexpected: [], outOfOrder: [] },
      steps: null,
    });
  });

  it('finds processed, dead and unsettled messages of a ledger', async () => {
    const result = await verify(group(), { ledgers: [ledgerFile(IDS)] });
    expect(result).toMatchObject({ ...OK, ledger: 12, byLedger: { lost: 0, doubled: 0, unexpected: 0 } });
  });

  it('reads the group once without a ledger', async () => {
    const running = group();
    await verify(running);
    expect(running.looks).toBe(1);
  });

  it('finds nothing wrong with an empty group, unless a ledger lists messages', async () => {
    expect(await verify(new RunningGroup())).toMatchObject({ ...OK, relayed: 0 });
    const result = await verify(new RunningGroup(), { ledgers: [ledgerFile(['a'])] });
    expect(result).toMatchObject({ ok: false, lost: 1, ledger: 1, examples: { lost: ['a'] } });
  });

  it('uses the counters where the ledger shows no difference', async () => {
    const lossy = group();
    lossy.outputEntries.shift();
    const withoutIt = ledgerFile(IDS.slice(1));
    expect(await verify(lossy, { ledgers: [withoutIt] })).toMatchObject({
      ok: false,
      lost: 1,
      byLedger: { lost: 0 },
    });

    const copied = group();
    copied.outputEntries.unshift({ ...copied.outputEntries[1], id: '1700000000000-0' } as Entry);
    const twice = ledgerFile([...IDS, 'm1']);
    expect(await verify(copied, { ledgers: [twice] })).toMatchObject({
      ok: false,
      doubled: 1,
      byLedger: { doubled: 0 },
      examples: { doubled: ['1700000000000-2'] },
    });
  });

  it('adds up its ledgers', async () => {
    const path = ledgerFile(IDS);
    const result = await verify(group(), { ledgers: [path, path] });
    expect(result).toMatchObject({ ok: false, ledger: 24, lost: 12 });
  });

  it('reports how many entries it has read, and how many there are', async () => {
    const onProgress = vi.fn();
    await verify(group(), { onProgress });
    expect(onProgress.mock.calls).toEqual(Array.from({ length: 9 }, (_, i) => [i + 1, 9]));
    onProgress.mockClear();
    await verify(group(), { onProgress, ledgers: [ledgerFile(IDS)] });
    expect(onProgress.mock.calls[0]).toEqual([1, 12]);
    expect(onProgress).toHaveBeenLastCalledWith(12, 12);
  });

  it.each<[string, (group: RunningGroup) => unknown, object, object]>([
    [
      'a result is gone',
      (g) => g.outputEntries.shift(),
      { lost: 1 },
      { lost: 1, examples: { lost: ['m0'] }, byCounters: { lost: 1 }, byLedger: { lost: 1 } },
    ],
    [
      'a result is copied',
      (g) => g.outputEntries.unshift({ ...g.outputEntries[1], id: '1700000000000-0' } as Entry),
      { doubled: 1, examples: { doubled: ['1700000000000-2'] } },
      { doubled: 1, examples: { doubled: ['m1'] } },
    ],
    [
      'a result is foreign',
      (g) => g.outputEntries.unshift({ id: '1700000000000-0', messageId: 'x', inboxId: 'x' }),
      { unexpected: 1, examples: { unexpected: ['1700000000000-0'] } },
      { unexpected: 1, examples: { unexpected: ['x'] } },
    ],
    [
      'a result is half of one of ours',
      (g) => g.outputEntries.unshift({ id: '1700000000000-0', messageId: undefined, inboxId: '1-1' }),
      { unexpected: 1, examples: { unexpected: ['1700000000000-0'] } },
      { unexpected: 1, examples: { unexpected: ['1700000000000-0'] } },
    ],
    [
      'a message was relayed twice',
      (g) => g.publish('m1').do('relay', 'commit', 'commit', 'commit', 'commit'),
      { ok: true },
      { doubled: 1, examples: { doubled: ['m1'] }, byCounters: { doubled: 0 } },
    ],
    ['a message is not in the ledger', (g) => g.publish('x').do('relay'), { ok: true }, { ok: true }],
    [
      'a message is not in the ledger, and settled',
      (g) => g.publish('x').do('relay', 'commit', 'commit', 'commit', 'bury'),
      { ok: true },
      { ok: true, unexpected: 1, examples: { unexpected: ['x'] }, byCounters: { unexpected: 0 } },
    ],
  ])('%s', async (_name, spoil, withoutLedger, withLedger) => {
    for (const [ledgers, expected] of [
      [[], withoutLedger],
      [[ledgerFile(IDS)], withLedger],
    ] as const) {
      const spoilt = group();
      spoil(spoilt);
      expect(await verify(spoilt, { ledgers })).toMatchObject({ ok: false, ...expected });
    }
  });

  it('does not count dead letters without an id as unexpected', async () => {
    const made = group();
    const [deadLetter] = made.deadEntries;
    if (deadLetter) Object.assign(deadLetter, { messageId: undefined });
    const result = await verify(made, { ledgers: [ledgerFile(IDS.filter((id) => id !== 'm6'))] });
    expect(result).toMatchObject(OK);
  });

  it('distinguishes trimmed and purged messages from lost ones', async () => {
    const made = group().do('trim', 'trim', 'purge');
    const ledgers = [ledgerFile(IDS)];
    expect(await verify(made)).toMatchObject({ ...OK, trimmed: 2, purged: 3 });
    expect(await verify(made, { ledgers })).toMatchObject({ ...OK, untraceable: 5 });
    made.outputEntries.shift();
    expect(await verify(made, { ledgers })).toMatchObject({ ok: false, lost: 1, untraceable: 5 });
  });

  it('counts messages that were lost in a gap', async () => {
    const made = group();
    made.counters.gaps = 1;
    made.gapRecords.push({
      from: 1_700_000_000_000,
      to: 1_700_000_000_500,
      reason: 'no bridge was subscribed',
    });
    const ledgers = [ledgerFile([...IDS.slice(0, 6), 'lost', ...IDS.slice(6)])];
    expect(await verify(made, { ledgers })).toMatchObject({ ok: false, lost: 1, lostInGaps: 1, gaps: 1 });
    expect(await verify(made)).toMatchObject({ ok: true, lostInGaps: 0, gaps: 1 });
  });

  it('waits for messages that a bridge has received and not relayed yet', async () => {
    const late = Array.from({ length: 30 }, (_, i) => `late${i}`);
    // Relays one now and then.
    const deeds = late.flatMap(() => ['relay', ...Array<Deed>(4).fill('nothing')] as Deed[]);
    const running = group(deeds).publish(...late);
    const result = await verify(running, { ledgers: [ledgerFile([...IDS, ...late])] });
    expect(result).toMatchObject(OK);
    expect(running.counters.relayed).toBe(42);
  });

  it('goes on after one or two looks that find only messages of others', async () => {
    const late = Array.from({ length: 5 }, (_, i) => `late${i}`);
    const others = Array.from({ length: 9 }, (_, i) => `other${i}`);
    // A look takes six answers here, so about every second look finds messages of others only.
    const running = new RunningGroup(Array<Deed>(500).fill('relay'), 1_000).publish(
      ...late.flatMap((id) => [id, ...others]),
    );
    expect(await verify(running, { ledgers: [ledgerFile(late)] })).toMatchObject(OK);
  });

  it('looks once if nothing is missing, or nothing moves', async () => {
    const busy = group(Array<Deed>(100).fill('relay')).publish('other', 'other', 'other', 'other', 'other');
    expect(await verify(busy, { ledgers: [ledgerFile(IDS)] })).toMatchObject(OK);
    expect(busy.looks).toBe(3);
    const quiet = group();
    expect(await verify(quiet, { ledgers: [ledgerFile([...IDS, 'lost'])] })).toMatchObject({ lost: 1 });
    expect(quiet.looks).toBe(3);
  });

  it('counts a message once that is settled while we read', async () => {
    // Its id is in the ledger twice: one of the two is lost.
    const running = new RunningGroup(['nothing', 'nothing', 'commit']).publish('a').do('relay');
    expect(await verify(running, { ledgers: [ledgerFile(['a', 'a'])] })).toMatchObject({
      lost: 1,
      backlog: 1,
    });
  });

  it('ignores entries from after the first reading', async () => {
    const deeds: Deed[] = ['nothing', 'relay', 'commit', 'commit', 'commit', 'commit', 'spoil'];
    const running = new RunningGroup(deeds, 1)
      .publish(...IDS, 'other')
      .do(...IDS.map(() => 'relay' as const));
    running.do(...Array<Deed>(8).fill('commit'));
    expect(await verify(running, { ledgers: [ledgerFile(IDS)] })).toMatchObject({ ...OK, backlog: 4 });
    expect(running.counters).toMatchObject({ relayed: 13, processed: 12 });
    expect(running.outputEntries.at(-1)?.messageId).toBe('foreign');
  });

  it('gives up after some looks', async () => {
    const others = Array.from({ length: 10_000 }, (_, i) => `other${i}`);
    const running = group(Array<Deed>(10_000).fill('relay')).publish(...others);
    const result = await verify(running, { ledgers: [ledgerFile([...IDS, 'lost'])] });
    expect(result).toMatchObject({ ok: false, lost: 1, unexpected: 0, examples: { lost: ['lost'] } });
  });

  it('finds nothing wrong with a healthy group, whatever it does meanwhile', async () => {
    const deeds = fc.array(
      fc.constantFrom<Deed>(
        'relay',
        'relay',
        'commit',
        'commit',
        'bury',
        'revive',
        'trim',
        'purge',
        'nothing',
      ),
      { maxLength: 200 },
    );
    const before = fc.array(
      fc.constantFrom<Deed>('relay', 'relay', 'relay', 'commit', 'bury', 'trim', 'revive'),
      {
        maxLength: 40,
      },
    );
    await fc.assert(
      fc.asyncProperty(
        before,
        deeds,
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        async (first, then, page, withLedger) => {
          const running = new RunningGroup(then, page)
            .publish(...IDS, ...IDS.map((id) => `${id}+`))
            .do(...first);
          // The ledger lists the messages that are relayed by now; all later ones are of others.
          const listed = [...IDS, ...IDS.map((id) => `${id}+`)].slice(0, running.counters.relayed);
          const result = await verify(running, withLedger ? { ledgers: [ledgerFile(listed)] } : {});
          const { trimmed, purged } = running.counters;
          expect(result).toMatchObject({
            lost: 0,
            doubled: 0,
            byCounters: { lost: 0, doubled: 0, unexpected: 0 },
          });
          expect(result.untraceable).toBeLessThanOrEqual(trimmed + purged);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
