import { afterEach, describe, expect, it, vi } from 'vitest';
import { Committer } from '../../../src/consumer/committer.js';
import { Consumer } from '../../../src/consumer/consumer.js';
import { ReadLimiter } from '../../../src/consumer/read-limiter.js';
import type { InboxReader, ReadEntries } from '../../../src/core/consumer-store.js';
import { type ConsumerExecutor, INTERRUPTED, type Outcome } from '../../../src/core/executor.js';
import { silentLogger } from '../../../src/log/logger.js';
import { fakeStore } from '../../helpers/fake-store.js';

const NOTHING: ReadEntries = { packs: [], entries: [], more: false };
const NEVER = new AbortController().signal;
/** Its attempts end at once. */
const EXECUTOR: ConsumerExecutor = {
  depth: 1,
  closed: false,
  execute: (delivery, onOutcome) => {
    onOutcome(delivery, { kind: 'processed', messageId: delivery.inboxId, data: '{}' }, 1);
    return { interrupt() {} };
  },
  quiet() {},
  resume() {},
};

interface Read {
  /** ms that it waits in Redis; undefined for not at all. */
  readonly block: number | undefined;
  readonly answer: (count: number) => void;
  readonly fail: () => void;
}

/** One consumer, whose reads and commits are answered by the test. */
function setUp({ most }: { most: number }) {
  const reads: Read[] = [];
  const commits: (() => void)[] = [];
  let ids = 0;
  const reader: InboxReader = {
    read: (_count, block) =>
      new Promise<ReadEntries>((resolve, reject) => {
        const answer = (count: number) => {
          const entries = Array.from({ length: count }, () => ({
            id: `${++ids}-0`,
            message: '',
            attempts: 0,
          }));
          resolve({ packs: [], entries, more: count > 0 });
        };
        reads.push({ block, answer, fail: () => reject(new Error('cut off')) });
      }),
    unblock: async () => {},
  };
  const store = fakeStore({
    commit: () => new Promise<string[]>((resolve) => commits.push(() => resolve([]))),
  });
  const readLimiter = new ReadLimiter(most);
  const committer = new Committer({
    store,
    readLimiter,
    outputMaxLen: 0,
    deadMaxLen: 0,
    log: silentLogger,
    onSettled: () => {},
    onBuried: () => {},
    onResults: undefined,
  });
  const consumer = new Consumer({
    id: 'c',
    reader,
    store,
    committer,
    readLimiter,
    executor: EXECUTOR,
    concurrency: 1,
    batch: 1,
    policy: { maxAttempts: 1, backoff: 1 },
    log: silentLogger,
    onFailure: () => {},
    onMeasured() {},
    onAttempt: undefined,
    timed: false,
  });
  consumer.resume();
  /** Waits until nothing more happens by itself. */
  const settle = () => vi.advanceTimersByTimeAsync(1_000);
  const read = async (n: number): Promise<Read> => {
    await settle();
    expect(reads.length).toBe(n);
    return reads[n - 1] as Read;
  };
  return { readLimiter, commits, settle, read };
}

describe('a consumer', () => {
  vi.useFakeTimers();
  afterEach(() => vi.clearAllTimers());

  it('waits in Redis for the first message, even if another read has the turn', async () => {
    const { readLimiter, read } = setUp({ most: 1 });
    await readLimiter.acquire(() => 1, NEVER);
    expect((await read(1)).block).toBeGreaterThan(0);
  });

  it('waits for its turn if more is waiting, and then not in Redis', async () => {
    const { readLimiter, commits, settle, read } = setUp({ most: 1 });
    (await read(1)).answer(1);
    await readLimiter.acquire(() => 1, NEVER);
    await settle();
    commits[0]?.();
    await read(1);
    readLimiter.release(1);
    const inTurn = await read(2);
    expect(inTurn.block).toBeUndefined();
    inTurn.answer(0);
    expect((await read(3)).block).toBeGreaterThan(0);
  });

  it('reads no more than is allowed while its results are on their way to Redis', async () => {
    const { commits, settle, read } = setUp({ most: 1 });
    (await read(1)).answer(1);
    await read(1);
    commits[0]?.();
    await settle();
    await read(2);
  });

  it('gives its turn back if the read fails, and goes on', async () => {
    const { readLimiter, commits, settle, read } = setUp({ most: 1 });
    (await read(1)).answer(1);
    await settle();
    commits[0]?.();
    (await read(2)).fail();
    expect((await read(3)).block).toBeGreaterThan(0);
    await expect(readLimiter.acquire(() => 1, NEVER)).resolves.toBe(1);
  });
});

/** A consumer whose executor holds deliveries, as a thread does: the first has begun, the others wait. */
function setUpHolding() {
  let reads = 0;
  const begun: string[] = [];
  const waiting: { inboxId: string; end: (outcome: Outcome) => void }[] = [];
  let quiet = false;
  const executor: ConsumerExecutor = {
    depth: Number.POSITIVE_INFINITY,
    closed: false,
    execute: (delivery, onOutcome) => {
      if (quiet) throw new Error('an attempt begins while it is quiet');
      const end = (outcome: Outcome) => onOutcome(delivery, outcome, 0);
      const one = { inboxId: delivery.inboxId, end };
      waiting.push(one);
      return {
        interrupt: () => {
          waiting.splice(waiting.indexOf(one), 1);
          end(INTERRUPTED);
        },
      };
    },
    quiet: () => {
      quiet = true;
      for (const { end } of waiting.splice(1)) end(INTERRUPTED);
    },
    resume: () => {
      quiet = false;
    },
  };
  const committed: string[] = [];
  const store = fakeStore({
    commit: async (results) => {
      committed.push(...results.map(({ inboxId }) => inboxId));
      return [];
    },
    leave: async (_id, attempts) => attempts.size,
    handBack: async (_id, attempts) => attempts.size,
  });
  const readLimiter = new ReadLimiter(100);
  const committer = new Committer({
    store,
    readLimiter,
    outputMaxLen: 0,
    deadMaxLen: 0,
    log: silentLogger,
    onSettled: () => {},
    onBuried: () => {},
    onResults: undefined,
  });
  const consumer = new Consumer({
    id: 'c',
    reader: {
      read: () =>
        ++reads > 1
          ? new Promise<ReadEntries>((resolve) => setTimeout(resolve, 2_000, NOTHING))
          : Promise.resolve({
              ...NOTHING,
              entries: ['1-0', '2-0', '3-0', '4-0'].map((id) => ({ id, message: 'm', attempts: 0 })),
            }),
      unblock: async () => {},
    },
    store,
    committer,
    readLimiter,
    executor,
    concurrency: 4,
    batch: 4,
    policy: { maxAttempts: 1, backoff: 1 },
    log: silentLogger,
    onFailure: () => {},
    onMeasured() {},
    onAttempt: undefined,
    timed: false,
  });
  const next = () => {
    const one = waiting.shift();
    if (one) begun.push(one.inboxId);
    one?.end({ kind: 'processed', messageId: String(one.inboxId), data: '{}' });
  };
  return { consumer, waiting, begun, committed, next, reads: () => reads };
}

describe('a consumer that pauses', () => {
  vi.useFakeTimers();
  afterEach(() => vi.clearAllTimers());
  const settle = () => vi.advanceTimersByTimeAsync(5_000);

  it('keeps what comes back from its executor, and begins it in order when it resumes', async () => {
    const { consumer, waiting, begun, committed, next, reads } = setUpHolding();
    await settle();
    expect(reads()).toBe(0);
    consumer.resume();
    await settle();
    expect(waiting.map(({ inboxId }) => inboxId)).toEqual(['1-0', '2-0', '3-0', '4-0']);
    const paused = consumer.pause();
    next();
    await settle();
    await paused;
    const before = reads();
    await settle();
    expect([waiting, committed, consumer.room, reads()]).toEqual([[], ['1-0'], 0, before]);
    expect(consumer.heldLongerThan(0)).toEqual({ entries: ['2-0', '3-0', '4-0'], packs: [] });
    consumer.lose(['3-0']);
    consumer.resume();
    while (waiting.length > 0) next();
    await settle();
    expect([begun, committed]).toEqual([
      ['1-0', '2-0', '4-0'],
      ['1-0', '2-0', '4-0'],
    ]);
    expect(reads()).toBeGreaterThan(before);
  });

  it('is drained when its attempts have ended, and settled when Redis has their outcomes', async () => {
    const { consumer, committed, next } = setUpHolding();
    const never = new AbortController().signal;
    consumer.resume();
    await settle();
    const steps: string[] = [];
    const left = (async () => {
      await consumer.pause();
      await consumer.drain(never);
      steps.push('drained');
      await consumer.settled(never);
      steps.push(`settled ${committed}`);
      return consumer.leave();
    })();
    await settle();
    expect(steps).toEqual([]);
    next();
    await settle();
    expect(steps).toEqual(['drained', 'settled 1-0']);
    expect(await left).toBe(3);
  });

  it('waits no longer than its signal says', async () => {
    const { consumer } = setUpHolding();
    consumer.resume();
    await settle();
    const paused = consumer.pause();
    await settle();
    await paused;
    const ending = new AbortController();
    const drained = consumer.drain(ending.signal);
    ending.abort();
    await drained;
  });
});
