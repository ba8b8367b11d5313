import { afterEach, describe, expect, it, vi } from 'vitest';
import { Committer } from '../../../src/consumer/committer.js';
import { Consumer } from '../../../src/consumer/consumer.js';
import { ReadLimiter } from '../../../src/consumer/read-limiter.js';
import type { Entry, InboxReader } from '../../../src/core/consumer-store.js';
import type { ConsumerExecutor } from '../../../src/core/executor.js';
import { silentLogger } from '../../../src/log/logger.js';
import { fakeStore } from '../../helpers/fake-store.js';

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
  readonly answer: (entries: number) => void;
  readonly fail: () => void;
}

/** One consumer, whose reads and commits are answered by the test. */
function setUp({ most }: { most: number }) {
  const reads: Read[] = [];
  const commits: (() => void)[] = [];
  let ids = 0;
  const reader: InboxReader = {
    read: (_count, block) =>
      new Promise<Entry[]>((resolve, reject) => {
        const answer = (entries: number) =>
          resolve(Array.from({ length: entries }, () => ({ id: `${++ids}-0`, message: '', attempts: 0 })));
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
    onAttempt: undefined,
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
