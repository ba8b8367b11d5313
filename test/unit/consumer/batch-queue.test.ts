import { describe, expect, it, vi } from 'vitest';
import { BatchQueue } from '../../../src/consumer/batch-queue.js';
import { CgroupError } from '../../../src/core/errors.js';
import { ThrottledLog } from '../../../src/log/throttle.js';

interface Item {
  readonly entryId: string;
  readonly length: number;
  readonly count?: number;
}

/** A queue whose calls fail if `refuse` says why; `sent` holds the sizes of all calls. */
function setUp(refuse: (batch: readonly Item[]) => Error | undefined) {
  const sent: number[] = [];
  const taken: string[] = [];
  const queue = new BatchQueue<Item>({
    calls: 2,
    lengthOf: ({ length }) => length,
    countOf: ({ count }) => count ?? 1,
    send: async (batch) => {
      sent.push(batch.length);
      const error = refuse(batch);
      if (error) throw error;
      return batch;
    },
    onTaken: (batch) => taken.push(...batch.map(({ entryId }) => entryId)),
    failures: new ThrottledLog({ delay: 1_000, write: () => {} }),
    abandoned: new AbortController().signal,
  });
  return { queue, sent, taken };
}

const ids = (count: number) => Array.from({ length: count }, (_, i) => `${i + 1}-0`);
const noReply = () => new CgroupError('OUTCOME_UNKNOWN', 'no reply');

describe('a batch queue', () => {
  vi.useFakeTimers();

  it('sends half of a batch that got no reply, until one gets through; each item once, in order', async () => {
    const { queue, sent, taken } = setUp((batch) => (batch.length > 30 ? noReply() : undefined));
    for (const entryId of ids(200)) queue.enqueue({ entryId, length: 1 });
    await vi.runAllTimersAsync();
    expect(sent.slice(0, 4)).toEqual([200, 100, 50, 25]);
    expect(taken).toEqual(ids(200));
  });

  it('sends single items at last, and large batches again later', async () => {
    let refused = 0;
    const { queue, sent, taken } = setUp(() => (refused++ < 9 ? noReply() : undefined));
    for (const entryId of ids(300)) queue.enqueue({ entryId, length: 1 });
    await vi.runAllTimersAsync();
    expect(sent).toContain(1);
    expect(Math.max(...sent.slice(9))).toBeGreaterThan(60);
    expect(taken).toEqual(ids(300));
  });

  it('does not divide a batch that Redis refused: its size is not why', async () => {
    let refused = 0;
    const full = new CgroupError('REDIS_REFUSED', 'OOM');
    const { queue, sent, taken } = setUp(() => (refused++ < 3 ? full : undefined));
    for (const entryId of ids(40)) queue.enqueue({ entryId, length: 1 });
    await vi.runAllTimersAsync();
    expect(sent).toEqual([40, 40, 40, 40]);
    expect(taken).toEqual(ids(40));
  });

  it('measures a batch by the length of its items, too', async () => {
    const { queue, sent, taken } = setUp(() => undefined);
    for (const entryId of ids(5)) queue.enqueue({ entryId, length: 400_000 });
    await vi.runAllTimersAsync();
    expect(sent).toEqual([2, 2, 1]);
    expect(taken).toEqual(ids(5));
  });

  it('measures a batch by the messages of its items, and halves them', async () => {
    let refused = 0;
    const { queue, sent, taken } = setUp(() => (refused++ < 1 ? noReply() : undefined));
    for (const entryId of ids(7)) queue.enqueue({ entryId, length: 1, count: 120 });
    queue.enqueue({ entryId: '8-0', length: 1, count: 900 });
    await vi.runAllTimersAsync();
    // At most 500 messages, then 240; the last goes alone.
    expect(sent).toEqual([4, 2, 4, 1, 1]);
    expect(taken).toEqual(ids(8));
  });

  it('begins a second call only while a whole batch waits, also after others were sent or refused', async () => {
    const sent: number[] = [];
    const ends: ((refused: boolean) => void)[] = [];
    const queue = new BatchQueue<Item>({
      calls: 2,
      lengthOf: ({ length }) => length,
      countOf: ({ count }) => count ?? 1,
      send: (batch) => {
        sent.push(batch.length);
        return new Promise((resolve, reject) =>
          ends.push((refused) =>
            refused ? reject(new CgroupError('REDIS_REFUSED', 'OOM')) : resolve(batch),
          ),
        );
      },
      onTaken: () => {},
      failures: new ThrottledLog({ delay: 1_000, write: () => {} }),
      abandoned: new AbortController().signal,
    });
    const add = async (items: number) => {
      for (const entryId of ids(items)) queue.enqueue({ entryId, length: 1 });
      await vi.advanceTimersByTimeAsync(10);
    };
    const end = async (refused = false) => {
      ends.shift()?.(refused);
      await vi.advanceTimersByTimeAsync(10);
    };
    await add(400);
    await end(true);
    await add(400);
    expect(sent).toEqual([400, 500]);
    await end();
    await vi.advanceTimersByTimeAsync(200);
    expect(sent).toEqual([400, 500, 300]);
    await end();
    for (let i = 0; i < 3; i++) {
      await add(200);
      await end();
    }
    await add(3);
    await add(3);
    expect(sent).toEqual([400, 500, 300, 200, 200, 200, 3]);
  });
});
