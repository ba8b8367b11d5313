import { afterEach, describe, expect, it, vi } from 'vitest';
import { Committer } from '../../../src/consumer/committer.js';
import { Consumer } from '../../../src/consumer/consumer.js';
import { ReadLimiter } from '../../../src/consumer/read-limiter.js';
import type { Failure } from '../../../src/consumer/settler.js';
import {
  type Entry,
  type Pack,
  type PackSettlement,
  processedIn,
  type ReadEntries,
} from '../../../src/core/consumer-store.js';
import { type ConsumerExecutor, INTERRUPTED, type Outcome } from '../../../src/core/executor.js';
import { identitiesIn } from '../../../src/core/pack.js';
import { silentLogger } from '../../../src/log/logger.js';
import { fakeStore } from '../../helpers/fake-store.js';

const NEVER = new AbortController().signal;
const NOTHING: ReadEntries = { packs: [], entries: [], more: false };
const failed: Outcome = { kind: 'failed', reason: 'failed', error: 'broken' };

/** An attempt that the test ends. */
interface Running {
  readonly inboxId: string;
  readonly attempt: number;
  /** Also after it was interrupted, as a processor may. */
  readonly end: (outcome?: Outcome, busy?: number) => void;
}

const packOf = (id: string, count: number): Pack => ({
  id,
  messages: Array.from({ length: count }, (_, i) => `text ${i + 1}`),
});

/** A consumer whose reads and attempts the test makes. Redis takes what it gets at once, except packs, if they are held up. */
function setUp({ concurrency = 2, maxAttempts = 3, instant = false } = {}) {
  const reads: ((read: ReadEntries) => void)[] = [];
  const asked: number[] = [];
  const running: Running[] = [];
  const calls: Record<'commit' | 'retry' | 'bury' | 'begin', unknown[]> = {
    commit: [],
    retry: [],
    bury: [],
    begin: [],
  };
  const settled: PackSettlement[] = [];
  const taking: (() => void)[] = [];
  const left: unknown[] = [];
  const failures: Failure[] = [];
  const counts = { processed: 0, retried: 0, dead: 0 };
  const results: string[] = [];
  let hold = false;
  let closed = false;
  const store = fakeStore({
    commit: async (batch) => {
      calls.commit.push(...batch.map(({ entryId, inboxId }) => `${entryId} ${inboxId}`));
      return [];
    },
    retry: async (batch) => {
      calls.retry.push(...batch.map(({ entryId, inboxId }) => `${entryId} ${inboxId}`));
    },
    bury: async (batch) => {
      const ids = batch.map((one) => `${one.entryId} ${one.inboxId} ${one.attempts} ${one.reason}`);
      calls.bury.push(...ids);
      return { kept: 0, late: [] };
    },
    begin: async ({ entryId }, attempt) => {
      calls.begin.push(`${entryId} ${attempt}`);
      return true;
    },
    settlePacks: async (packs) => {
      if (hold) await new Promise<void>((resolve) => taking.push(resolve));
      settled.push(...packs);
      return [];
    },
    leave: async (_id, attempts, packs) => {
      left.push([Object.fromEntries(attempts), packs]);
      return 0;
    },
  });
  const executor: ConsumerExecutor = {
    depth: concurrency,
    get closed() {
      return closed;
    },
    execute: (delivery, onOutcome) => {
      let ended = false;
      const end = (outcome: Outcome, busy: number) => {
        if (ended) return;
        ended = true;
        onOutcome(delivery, outcome, busy);
      };
      const { inboxId, attempt } = delivery;
      const one: Running = {
        inboxId,
        attempt,
        end: (outcome = { kind: 'processed', messageId: inboxId, data: '{}' }, busy = 0.01) => {
          running.splice(running.indexOf(one), 1);
          end(outcome, busy);
        },
      };
      running.push(one);
      return {
        interrupt: () => {
          running.splice(running.indexOf(one), 1);
          end(INTERRUPTED, 0);
        },
      };
    },
    // The first message has its result at once, after a long time.
    ...(instant && {
      executeAll: () => {
        return { texts: ['first', '{}'], length: 2, times: [300], next: executor.execute };
      },
    }),
    quiet() {},
    resume() {},
  };
  const readLimiter = new ReadLimiter(1_000);
  const committer = new Committer({
    store,
    readLimiter,
    outputMaxLen: 0,
    deadMaxLen: 0,
    log: silentLogger,
    onSettled: ({ processed, retried, dead }) => {
      counts.processed += processed;
      counts.retried += retried;
      counts.dead += dead;
    },
    onBuried: () => {},
    onResults: (batch) => results.push(...batch.map(({ inboxId }) => inboxId)),
  });
  const consumer = new Consumer({
    id: 'c',
    reader: {
      read: (count) =>
        new Promise((resolve) => {
          asked.push(count);
          reads.push(resolve);
          setTimeout(() => {
            if (reads.includes(resolve)) reads.splice(reads.indexOf(resolve), 1);
            resolve(NOTHING);
          }, 2_000);
        }),
      unblock: async () => reads.shift()?.(NOTHING),
    },
    store,
    committer,
    readLimiter,
    executor,
    concurrency,
    batch: 'auto',
    policy: { maxAttempts, backoff: 1 },
    log: silentLogger,
    onFailure: (failure) => failures.push(failure),
    onMeasured() {},
    onAttempt: undefined,
    timed: false,
  });
  const settle = () => vi.advanceTimersByTimeAsync(50);
  const give = async (read: Partial<ReadEntries>) => {
    await settle();
    const answer = reads.shift();
    if (!answer) throw new Error('it does not read');
    answer({ ...NOTHING, ...read });
    await settle();
  };
  let ones = 0;
  /** Lets it know how long a message takes. */
  const measure = async (ms: number) => {
    for (let i = 0; i < 5; i++) {
      await give({ entries: [{ id: `1-${++ones}`, message: 'm', attempts: 0 }] });
      running[0]?.end(undefined, ms);
      await settle();
    }
    calls.commit.length = 0;
    counts.processed = 0;
    results.length = 0;
  };
  consumer.resume();
  return {
    consumer,
    readLimiter,
    reads,
    asked,
    running,
    calls,
    settled,
    taking,
    left,
    failures,
    counts,
    results,
    settle,
    give,
    measure,
    holdUp: () => {
      hold = true;
    },
    close: (is: boolean) => {
      closed = is;
    },
    /** The numbers of the settled packs: processed, and left. */
    numbers: () =>
      settled.map((settlement) => ({
        done: processedIn(settlement).map((id) => Number(id.slice(-3))),
        left: settlement.left.map(({ number }) => number),
      })),
    ids: () => running.map(({ inboxId }) => inboxId),
  };
}

describe('a consumer that gets a pack', () => {
  vi.useFakeTimers();
  afterEach(() => vi.clearAllTimers());

  it('makes an attempt on each message by its own id, and settles the pack when the last has ended', async () => {
    const { consumer, give, measure, settle, running, settled, counts, results, calls, ids } = setUp();
    await measure(0.01);
    await give({ packs: [packOf('8-1000005', 5)] });
    expect(ids()).toEqual(['8-1000001', '8-1000002']);
    expect(running.every(({ attempt }) => attempt === 1)).toBe(true);
    running[1]?.end();
    running[1]?.end();
    running[1]?.end();
    await settle();
    running[1]?.end();
    await settle();
    expect(settled).toEqual([]);
    expect(consumer.heldLongerThan(0)).toEqual({ entries: [], packs: ['8-1000005'] });
    running[0]?.end();
    await settle();
    expect(settled).toEqual([
      {
        id: '8-1000005',
        consumerId: 'c',
        texts: identitiesIn('8-1000005', 5).flatMap((id) => [id, '{}']),
        left: [],
      },
    ]);
    expect(consumer.heldLongerThan(0)).toEqual({ entries: [], packs: [] });
    expect([counts.processed, results, calls.commit]).toEqual([5, identitiesIn('8-1000005', 5), []]);
  });

  it('gives back with its outcome what failed, and does not report it: who records the outcome does', async () => {
    const { give, measure, settle, running, settled, failures, counts, calls } = setUp({ concurrency: 3 });
    await measure(0.01);
    await give({ packs: [packOf('8-1000003', 3)] });
    running[0]?.end(failed);
    running[0]?.end({ kind: 'given-up', error: 'no use' });
    running[0]?.end();
    await settle();
    expect(settled[0]?.left).toEqual([
      { number: 1, outcome: failed },
      { number: 2, outcome: { kind: 'given-up', error: 'no use' } },
    ]);
    expect([counts, failures, calls.retry, calls.bury]).toEqual([
      { processed: 1, retried: 0, dead: 0 },
      [],
      [],
      [],
    ]);
  });

  it('takes no more of it than it can begin while nothing is measured, and the rest goes back', async () => {
    const { give, settle, running, numbers, ids } = setUp();
    await give({ packs: [packOf('8-1000200', 200)] });
    expect(ids()).toEqual(['8-1000001', '8-1000002']);
    running[0]?.end();
    running[0]?.end();
    await settle();
    expect(numbers()).toEqual([{ done: [1, 2], left: Array.from({ length: 198 }, (_, i) => i + 3) }]);
  });

  it('gives all of it back at once if its processor is slow, without an attempt', async () => {
    const { consumer, give, measure, running, settled } = setUp();
    await measure(3);
    await give({ packs: [packOf('8-1000004', 4)] });
    const left = [1, 2, 3, 4].map((number) => ({ number }));
    expect([running, settled]).toEqual([[], [{ id: '8-1000004', consumerId: 'c', texts: [], left }]]);
    expect(consumer.heldLongerThan(0).packs).toEqual([]);
  });

  it('gives the rest of it back if its processor turns slow', async () => {
    const { give, measure, settle, running, numbers } = setUp({ concurrency: 1 });
    await measure(0.01);
    await give({ packs: [packOf('8-1000009', 9)] });
    running[0]?.end(undefined, 60);
    await settle();
    expect(running.length).toBe(1);
    running[0]?.end(undefined, 60);
    await settle();
    expect([running, numbers()]).toEqual([[], [{ done: [1, 2], left: [3, 4, 5, 6, 7, 8, 9] }]]);
  });

  it('reads on after packs that went back', async () => {
    const { give, measure, reads } = setUp();
    await measure(3);
    for (let i = 0; i < 20; i++) await give({ packs: [packOf(`${10 + i}-1000250`, 250)], more: true });
    await give({ entries: [{ id: '90-1', message: 'm', attempts: 0 }] });
    expect(reads.length).toBeLessThanOrEqual(1);
  });

  it('does not give back what begins while the pack closes', async () => {
    const { give, measure, settle, running, ids, numbers } = setUp({ instant: true });
    await measure(0.01);
    await give({ packs: [packOf('8-1000004', 4)] });
    expect(ids()).toEqual(['8-1000002']);
    running[0]?.end();
    await settle();
    expect(numbers()).toEqual([{ done: [1, 2], left: [3, 4] }]);
  });

  it('knows that attempts at the same time take no longer than one', async () => {
    const { give, measure, settle, running, ids, numbers } = setUp({ concurrency: 3 });
    await measure(0.01);
    await give({ packs: [packOf('8-1000009', 9)] });
    for (let i = 0; i < 3; i++) running[0]?.end(undefined, 90);
    await settle();
    expect(ids()).toEqual(['8-1000004', '8-1000005', '8-1000006']);
    while (running.length > 0) running[0]?.end(undefined, 90);
    await settle();
    expect(numbers()).toEqual([{ done: [1, 2, 3, 4, 5, 6], left: [7, 8, 9] }]);
  });

  it('asks for as many messages as are read soon, however many came in a pack', async () => {
    const { give, measure, settle, asked } = setUp({ concurrency: 1 });
    await measure(0.01);
    await give({ packs: [{ id: '9-1000003', messages: Array<string>(3).fill('x'.repeat(200_000)) }] });
    await settle();
    expect(asked.at(-1)).toBe(5);
    await give({ packs: [packOf('10-1000002', 2)] });
    await settle();
    expect(asked.at(-1)).toBe(10);
  });

  it('takes no pack that it holds', async () => {
    const { give, measure, settle, running, settled } = setUp();
    await measure(0.01);
    await give({ packs: [packOf('8-1000002', 2), packOf('8-1001002', 2)] });
    await settle();
    running[0]?.end();
    await give({ packs: [packOf('8-1001002', 2)] });
    while (running.length > 0) running[0]?.end();
    await settle();
    expect(settled.map(({ id }) => id)).toEqual(['8-1000002', '8-1001002']);
  });

  it('counts the messages of packs on their way to Redis against what may be read', async () => {
    const { give, measure, settle, running, readLimiter, holdUp, taking } = setUp({ concurrency: 10 });
    await measure(0.01);
    holdUp();
    await give({ packs: ['8', '9', '10', '11'].map((ms) => packOf(`${ms}-1000250`, 250)) });
    while (running.length > 0) running[0]?.end();
    await settle();
    let turn = false;
    void readLimiter
      .acquire(() => 1, NEVER)
      .then(() => {
        turn = true;
      });
    await settle();
    expect(turn).toBe(false);
    for (const take of taking) take();
    await settle();
    expect(turn).toBe(true);
  });
});

describe('a consumer with a pack', () => {
  vi.useFakeTimers();
  afterEach(() => vi.clearAllTimers());

  it('keeps it in a pause if none of it has begun', async () => {
    const { consumer, give, measure, settle, running, settled, ids } = setUp({ concurrency: 1 });
    await measure(0.01);
    await give({ packs: [packOf('8-1000001', 1), packOf('9-1000002', 2)] });
    void consumer.pause();
    running[0]?.end();
    await settle();
    expect([settled.map(({ id }) => id), consumer.heldLongerThan(0).packs, ids()]).toEqual([
      ['8-1000001'],
      ['9-1000002'],
      [],
    ]);
    consumer.resume();
    expect(ids()).toEqual(['9-1000001']);
  });

  it('settles it in a pause as soon as none of it is in work, and gives the rest back', async () => {
    const { consumer, give, measure, settle, running, numbers } = setUp({ concurrency: 2 });
    await measure(0.01);
    await give({ packs: [packOf('8-1000006', 6)] });
    running[0]?.end();
    await settle();
    void consumer.pause();
    running[0]?.end();
    await settle();
    expect(numbers()).toEqual([]);
    running[0]?.end();
    await settle();
    expect(numbers()).toEqual([{ done: [1, 2, 3], left: [4, 5, 6] }]);
  });

  it('settles it in a pause if what it waits for is no part of it', async () => {
    const { consumer, give, measure, settle, running, numbers, ids } = setUp({ concurrency: 1 });
    await measure(0.01);
    await give({ packs: [packOf('8-1000003', 3)] });
    await consumer.takeOver(async () => ({ entries: [{ id: '2-1', message: 'm', attempts: 1 }] }));
    running[0]?.end();
    await settle();
    expect([ids(), numbers()]).toEqual([['2-1'], []]);
    void consumer.pause();
    await settle();
    expect(numbers()).toEqual([{ done: [1], left: [2, 3] }]);
  });

  it('settles it in a pause if a part of it went back as it came', async () => {
    const { consumer, settle, reads, running, numbers } = setUp({ concurrency: 2 });
    await settle();
    const answer = reads.shift();
    void consumer.pause();
    answer?.({ ...NOTHING, packs: [packOf('8-1000005', 5)] });
    await settle();
    expect([running, numbers()]).toEqual([[], [{ done: [], left: [1, 2, 3, 4, 5] }]]);
  });

  it('gives back what its executor gives back, if no more of it begins', async () => {
    const { give, measure, settle, running, numbers } = setUp({ concurrency: 2 });
    await measure(0.01);
    await give({ packs: [packOf('8-1000004', 4)] });
    running[0]?.end(undefined, 300);
    running[0]?.end(INTERRUPTED, 0);
    await settle();
    expect([running, numbers()]).toEqual([[], [{ done: [1], left: [2, 3, 4] }]]);
  });

  it('leaves with nothing of it: what has begun is settled, the rest goes back', async () => {
    const { consumer, give, measure, settle, running, numbers, left } = setUp({ concurrency: 2 });
    await measure(0.01);
    await give({ packs: [packOf('8-1000004', 4), packOf('9-1000003', 3)] });
    const gone = (async () => {
      await consumer.pause();
      await consumer.drain(NEVER);
      await consumer.settled(NEVER);
      await consumer.leave();
    })();
    await settle();
    running[0]?.end();
    running[0]?.end(failed);
    await settle();
    await gone;
    expect(numbers()).toEqual([
      { done: [1], left: [2, 3, 4] },
      { done: [], left: [1, 2, 3] },
    ]);
    expect(left).toEqual([[{}, []]]);
  });

  it('that is interrupted counts no attempt, and no outcome that comes later', async () => {
    const { consumer, give, measure, settle, running, settled } = setUp({ concurrency: 2 });
    await measure(0.01);
    await give({ packs: [packOf('8-1000003', 3)] });
    const [, late] = running;
    running[0]?.end();
    void consumer.pause();
    await settle();
    const done = consumer.settled(NEVER);
    late?.end();
    await settle();
    await done;
    expect(settled[0]?.texts).toHaveLength(2);
    expect(settled[0]?.left).toEqual([2, 3].map((number) => ({ number })));
  });

  it('says as it leaves which of its outcomes Redis does not have', async () => {
    const { consumer, give, measure, settle, running, left, holdUp } = setUp({ concurrency: 2 });
    await measure(0.01);
    holdUp();
    await give({
      packs: [packOf('8-1000002', 2)],
      entries: [{ id: '8-4', identity: '7-1000009', message: 'm', attempts: 0 }],
    });
    running[0]?.end(failed);
    running[0]?.end();
    await settle();
    void consumer.pause();
    await settle();
    const ending = new AbortController();
    const over = consumer.settled(ending.signal);
    ending.abort();
    await over;
    await consumer.leave();
    expect(left).toEqual([[{ '8-4': 0 }, [{ id: '8-1000002', left: [{ number: 1, outcome: failed }] }]]]);
  });

  it('drops all of it if another consumer has it, and goes on with the next', async () => {
    const { consumer, give, measure, settle, running, settled, ids } = setUp({ concurrency: 2 });
    await measure(0.01);
    await give({ packs: [packOf('8-1000004', 4), packOf('9-1000002', 2)] });
    running[0]?.end();
    await settle();
    consumer.lose(['8-1000004']);
    await settle();
    expect([ids(), consumer.heldLongerThan(0).packs]).toEqual([['9-1000001', '9-1000002'], ['9-1000002']]);
    while (running.length > 0) running[0]?.end();
    await settle();
    expect(settled.map(({ id }) => id)).toEqual(['9-1000002']);
  });

  it('does not lose it if it is on its way to Redis', async () => {
    const { consumer, give, measure, settle, running, settled, holdUp, taking } = setUp({ concurrency: 2 });
    await measure(0.01);
    holdUp();
    await give({ packs: [packOf('8-1000002', 2)] });
    while (running.length > 0) running[0]?.end();
    await settle();
    consumer.lose(['8-1000002']);
    expect(consumer.heldLongerThan(0).packs).toEqual(['8-1000002']);
    for (const take of taking) take();
    await settle();
    expect([settled.length, consumer.heldLongerThan(0).packs]).toEqual([1, []]);
  });

  it('hands it back if its processor cannot run, with the results that it has', async () => {
    const { consumer, give, measure, running, numbers, left, close } = setUp({ concurrency: 2 });
    await measure(0.01);
    await give({ packs: [packOf('8-1000005', 5), packOf('9-1000002', 2)] });
    running[0]?.end();
    close(true);
    running[0]?.end(INTERRUPTED, 0);
    running[0]?.end(INTERRUPTED, 0);
    await vi.advanceTimersByTimeAsync(2_500);
    expect([running, consumer.heldLongerThan(0).packs, numbers()]).toEqual([
      [],
      [],
      [
        { done: [1], left: [2, 3, 4, 5] },
        { done: [], left: [1, 2] },
      ],
    ]);
    expect(left).toEqual([]);
    close(false);
    await vi.advanceTimersByTimeAsync(500);
    await give({ packs: [packOf('10-1000002', 2)] });
    expect(running.map(({ inboxId }) => inboxId)).toContain('10-1000001');
  });

  it('begins again what its executor gave back', async () => {
    const { give, measure, settle, running, numbers, ids } = setUp({ concurrency: 2 });
    await measure(0.01);
    await give({ packs: [packOf('8-1000002', 2)] });
    running[0]?.end(INTERRUPTED, 0);
    expect(ids()).toEqual(['8-1000002', '8-1000001']);
    while (running.length > 0) running[0]?.end();
    await settle();
    expect(numbers()).toEqual([{ done: [1, 2], left: [] }]);
  });
});

describe('a message that came out of a pack', () => {
  vi.useFakeTimers();
  afterEach(() => vi.clearAllTimers());

  const marked = (more: Partial<Entry>): Entry => ({
    id: '20-1',
    identity: '8-1000007',
    message: 'm',
    attempts: 0,
    ...more,
  });

  it('is fresh if it was not tried, with the id that it had', async () => {
    const { give, settle, running, calls } = setUp();
    await give({ entries: [marked({})] });
    expect(running).toMatchObject([{ inboxId: '8-1000007', attempt: 1 }]);
    running[0]?.end();
    await settle();
    expect([calls.begin, calls.commit]).toEqual([[], ['20-1 8-1000007']]);
  });

  it('is noted as begun if it was tried', async () => {
    const { give, settle, running, calls, failures } = setUp();
    await give({ entries: [marked({ attempts: 1 })] });
    expect([calls.begin, running]).toMatchObject([['20-1 2'], [{ inboxId: '8-1000007', attempt: 2 }]]);
    running[0]?.end(failed);
    await settle();
    expect(calls.retry).toEqual(['20-1 8-1000007']);
    expect(failures).toMatchObject([{ inboxId: '8-1000007', attempt: 2 }]);
  });

  it.each([
    ['is retried', { maxAttempts: 2 }, 0, failed, { retry: ['20-1 8-1000007'], bury: [] }, 1],
    ['is given up', { maxAttempts: 2 }, 1, failed, { retry: [], bury: ['20-1 8-1000007 2 failed'] }, 0],
    [
      'is given up',
      { maxAttempts: 9 },
      0,
      { kind: 'invalid' as const, reason: 'invalid-json' as const, error: 'no JSON' },
      { retry: [], bury: ['20-1 8-1000007 0 invalid-json'] },
      0,
    ],
  ])(
    '%s at once by its outcome, read or taken over',
    async (_what, options, attempts, outcome, expected, reports) => {
      const entry = marked({ attempts, outcome: outcome as Entry['outcome'] });
      const fresh = setUp(options);
      await fresh.give({ entries: [entry] });
      const taken = setUp(options);
      await taken.consumer.takeOver(async () => ({ entries: [entry] }));
      await taken.settle();
      for (const { running, calls, failures, consumer } of [fresh, taken]) {
        expect([running, calls]).toEqual([[], { ...expected, commit: [], begin: [] }]);
        expect(failures.length).toBe(reports);
        expect(consumer.heldLongerThan(0).entries).toEqual([]);
      }
    },
  );

  it('is lost by the id of its entry', async () => {
    const { consumer, give, running } = setUp();
    await give({ entries: [marked({})] });
    expect(consumer.heldLongerThan(0).entries).toEqual(['20-1']);
    consumer.lose(['8-1000007']);
    expect(running.length).toBe(1);
    consumer.lose(['20-1']);
    expect(running).toEqual([]);
  });
});
