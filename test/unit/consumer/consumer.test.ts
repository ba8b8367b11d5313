import { afterEach, describe, expect, it, vi } from 'vitest';
import { Committer } from '../../../src/consumer/committer.js';
import { Consumer } from '../../../src/consumer/consumer.js';
import { ReadLimiter } from '../../../src/consumer/read-limiter.js';
import type { Entry, InboxReader } from '../../../src/core/consumer-store.js';
import { silentLogger } from '../../../src/log/logger.js';
import type { ConsumerExecutor } from '../../../src/processor/executor.js';
import { fakeStore } from '../../helpers/fake-store.js';

const NEVER = new AbortController().signal;
/** A lane that is done at once. */
const LANE: ConsumerExecutor = {
  depth: 1,
  closed: false,
  execute: (job, onOutcome) => {
    onOutcome(job, { kind: 'processed', messageId: job.inboxId, data: '{}' }, 1);
    return { interrupt() {} };
  },
  quiet() {},
};

interface Read {
  /** How long it waits in Redis; undefined for not at all. */
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
  const admission = new ReadLimiter(most);
  const committer = new Committer({
    store,
    admission,
    outputMaxLen: 0,
    log: silentLogger,
    onSettled: () => {},
    onResults: undefined,
  });
  const consumer = new Consumer({
    id: 'c',
    reader,
    store,
    committer,
    admission,
    lane: LANE,
    concurrency: 1,
    batch: 1,
    consumers: 1,
    policy: { maxAttempts: 1, backoff: 1 },
    log: silentLogger,
    onFailure: () => {},
    onAttempt: undefined,
  });
  consumer.start();
  /** What can happen by itself has happened. */
  const settle = () => vi.advanceTimersByTimeAsync(1_000);
  const read = async (n: number): Promise<Read> => {
    await settle();
    expect(reads.length).toBe(n);
    return reads[n - 1] as Read;
  };
  return { admission, commits, settle, read };
}

describe('a consumer', () => {
  vi.useFakeTimers();
  afterEach(() => vi.clearAllTimers());

  it('waits in Redis for the first message, whoever else reads', async () => {
    const { admission, read } = setUp({ most: 1 });
    await admission.acquire(() => 1, NEVER);
    expect((await read(1)).block).toBeGreaterThan(0);
  });

  it('waits for its turn where more is waiting, and then not in Redis', async () => {
    const { admission, commits, settle, read } = setUp({ most: 1 });
    (await read(1)).answer(1);
    await admission.acquire(() => 1, NEVER);
    await settle();
    commits[0]?.();
    await read(1);
    admission.release(1);
    const inTurn = await read(2);
    expect(inTurn.block).toBeUndefined();
    inTurn.answer(0);
    expect((await read(3)).block).toBeGreaterThan(0);
  });

  it('reads no more than is allowed as long as Redis has not taken its results', async () => {
    const { commits, settle, read } = setUp({ most: 1 });
    (await read(1)).answer(1);
    await read(1);
    commits[0]?.();
    await settle();
    await read(2);
  });

  it('gives its turn back when the read fails, and goes on', async () => {
    const { admission, commits, settle, read } = setUp({ most: 1 });
    (await read(1)).answer(1);
    await settle();
    commits[0]?.();
    (await read(2)).fail();
    expect((await read(3)).block).toBeGreaterThan(0);
    await expect(admission.acquire(() => 1, NEVER)).resolves.toBe(1);
  });
});
