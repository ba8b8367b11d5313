import { afterEach, describe, expect, it, vi } from 'vitest';
import { Committer } from '../../../src/consumer/committer.js';
import type { HeldDelivery } from '../../../src/consumer/in-flight.js';
import { PackHold } from '../../../src/consumer/pack-hold.js';
import { ReadLimiter } from '../../../src/consumer/read-limiter.js';
import type { PackSettlement } from '../../../src/core/consumer-store.js';
import { CgroupError } from '../../../src/core/errors.js';
import { type Logger, silentLogger } from '../../../src/log/logger.js';
import { fakeStore } from '../../helpers/fake-store.js';

/** Settles packs; `answer` says what Redis does with each call. */
function setUp(answer: (packs: readonly PackSettlement[]) => string[] | Error = () => []) {
  const sent: string[][] = [];
  const lines: unknown[] = [];
  const counts: unknown[] = [];
  const results: string[][] = [];
  const released: string[] = [];
  const lengths: number[] = [];
  let prepared = 0;
  const committer = new Committer({
    store: fakeStore({
      settlePacks: async (packs, maxLength) => {
        sent.push(packs.map(({ id }) => id));
        lengths.push(maxLength);
        const reply = answer(packs);
        if (reply instanceof Error) throw reply;
        return reply;
      },
      prepare: async () => {
        prepared++;
        return true;
      },
    }),
    readLimiter: new ReadLimiter(10_000),
    outputMaxLen: 70,
    deadMaxLen: 0,
    log: { ...silentLogger, debug: (fields: object) => lines.push(fields) } as Logger,
    onSettled: (count) => counts.push(count),
    onBuried: () => {},
    onResults: (batch) => results.push(batch.map(({ inboxId }) => inboxId)),
  });
  /** A pack whose first messages are processed and the others given back. */
  const settle = (ms: number, done: number, back = 0, length = 2) => {
    const id = `${ms}-${1_000_000 + done + back}`;
    const pack = new PackHold({
      id,
      consumerId: 'c',
      patience: 1_000,
      onComplete: () => committer.settlePack(pack),
    });
    for (let i = 0; i < done + back; i++)
      pack.add({ inWork: true, beginSettling: () => {}, release: () => released.push(id) });
    for (let i = 1; i <= done; i++)
      pack.end(i, { kind: 'processed', messageId: 'm', data: 'x'.repeat(length) }, 0);
    pack.abandon();
    return id;
  };
  return { sent, lines, counts, results, released, lengths, settle, prepared: () => prepared };
}

describe('packs on their way to Redis', () => {
  vi.useFakeTimers();
  afterEach(() => vi.clearAllTimers());

  it('go together, the oldest first, and are released and counted when Redis has them', async () => {
    const { sent, counts, results, released, lengths, settle } = setUp();
    const ids = [settle(9, 2), settle(7, 1, 2), settle(8, 0, 1)];
    expect(released).toEqual([]);
    await vi.runAllTimersAsync();
    expect([sent, lengths]).toEqual([[['7-1000003', '8-1000001', '9-1000002']], [70]]);
    expect(counts).toEqual([{ processed: 3, retried: 0, dead: 0 }]);
    expect(results).toEqual([['7-1000001', '9-1000001', '9-1000002']]);
    expect([new Set(released), released.length]).toEqual([new Set(ids), 6]);
  });

  it('are bounded by their messages and by the characters of their results', async () => {
    const many = setUp();
    for (let ms = 1; ms <= 5; ms++) many.settle(ms, 200, 20);
    await vi.runAllTimersAsync();
    expect(many.sent.map(({ length }) => length)).toEqual([2, 2, 1]);
    const large = setUp();
    for (let ms = 1; ms <= 5; ms++) large.settle(ms, 2, 0, 150_000);
    await vi.runAllTimersAsync();
    expect(large.sent.map(({ length }) => length)).toEqual([3, 2]);
  });

  it('are tried again until Redis takes them, and the group is made again if it is gone', async () => {
    const gone = new CgroupError('NO_GROUP', 'gone');
    let tries = 0;
    const { sent, counts, released, settle, prepared } = setUp(() => (tries++ < 2 ? gone : []));
    settle(3, 4);
    await vi.runAllTimersAsync();
    expect([sent.length, prepared(), counts.length, released.length]).toEqual([3, 2, 1, 4]);
  });

  it('that were settled before are released, and are not reported as settled', async () => {
    const { lines, counts, results, released, settle } = setUp(() => ['1-1000004', '2-1000003']);
    settle(1, 4);
    settle(2, 3);
    settle(3, 1);
    await vi.runAllTimersAsync();
    expect(lines).toEqual([{ count: 7 }]);
    expect(counts).toEqual([{ processed: 1, retried: 0, dead: 0 }]);
    expect(results).toEqual([['3-1000001']]);
    expect(released.length).toBe(8);
  });
});

describe('what was settled before', () => {
  vi.useFakeTimers();
  afterEach(() => vi.clearAllTimers());

  /** Settles two messages of each kind. Those with these entry ids were settled before. */
  async function settleTwice(late: string[]) {
    const counts: unknown[] = [];
    const results: string[] = [];
    const buried: string[] = [];
    const released: string[] = [];
    const readLimiter = new ReadLimiter(1);
    const committer = new Committer({
      store: fakeStore({
        commit: async () => late,
        bury: async () => ({ kept: 2, late }),
        retry: async () => {},
      }),
      readLimiter,
      outputMaxLen: 0,
      deadMaxLen: 0,
      log: silentLogger,
      onSettled: (count) => counts.push(count),
      onBuried: (batch) => buried.push(...batch.map(({ inboxId }) => inboxId)),
      onResults: (batch) => results.push(...batch.map(({ inboxId }) => inboxId)),
    });
    for (const id of ['1-1', '2-1']) {
      const delivery = { bytes: 1, release: () => released.push(id) } as unknown as HeldDelivery;
      const held = { entryId: id, inboxId: id, consumerId: 'c', delivery };
      committer.commitResult({ ...held, messageId: 'm', data: '{}' });
      committer.bury({ ...held, message: 'x', reason: 'failed', error: 'x', attempts: 1, failed: true });
    }
    const read = vi.fn();
    void readLimiter.acquire(() => 1, new AbortController().signal).then(read);
    await vi.runAllTimersAsync();
    return { counts, results, buried, released, reads: read.mock.calls.length };
  }

  it('is released, and neither counted nor among the results', async () => {
    const { counts, results, released, reads } = await settleTwice(['1-1']);
    expect(counts).toEqual([
      { processed: 1, retried: 0, dead: 0 },
      { processed: 0, retried: 0, dead: 1 },
    ]);
    expect(results).toEqual(['2-1']);
    expect([released.length, reads]).toEqual([4, 1]);
  });

  it('is not reported if it is all of a call; but a dead letter is always told', async () => {
    const { counts, results, buried, released, reads } = await settleTwice(['1-1', '2-1']);
    expect([counts, results, buried]).toEqual([[], [], ['1-1', '2-1']]);
    expect([released.length, reads]).toEqual([4, 1]);
  });
});
