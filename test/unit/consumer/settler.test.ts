import { describe, expect, it, vi } from 'vitest';
import { Committer } from '../../../src/consumer/committer.js';
import { InFlight } from '../../../src/consumer/in-flight.js';
import { ReadLimiter } from '../../../src/consumer/read-limiter.js';
import { type Failure, Settler } from '../../../src/consumer/settler.js';
import type { DeadLetter } from '../../../src/core/consumer-store.js';
import type { Outcome } from '../../../src/core/executor.js';
import { silentLogger } from '../../../src/log/logger.js';
import { fakeStore } from '../../helpers/fake-store.js';

type KnownOutcome = Exclude<Outcome, { kind: 'interrupted' }>;

/** Settles one delivery after another; the test lets Redis take the dead letters. */
function setUp({ maxAttempts = 1, timed = false } = {}) {
  const buried: DeadLetter[] = [];
  const reported: DeadLetter[] = [];
  const failures: Failure[] = [];
  const taking: (() => void)[] = [];
  const committer = new Committer({
    store: fakeStore({
      bury: (deadLetters) => {
        buried.push(...deadLetters);
        return new Promise((resolve) => taking.push(() => resolve({ late: [], kept: 0 })));
      },
      retry: async () => {},
    }),
    readLimiter: new ReadLimiter(10),
    outputMaxLen: 0,
    deadMaxLen: 0,
    log: silentLogger,
    onSettled: () => {},
    onBuried: (deadLetters) => reported.push(...deadLetters),
    onResults: undefined,
  });
  const settler = new Settler({
    id: 'c',
    timed,
    committer,
    policy: { maxAttempts, backoff: 1 },
    onFailure: (failure) => failures.push(failure),
  });
  const inFlight = new InFlight(() => {});
  let id = 0;
  return {
    buried,
    reported,
    failures,
    settle: async (outcome: KnownOutcome, busy = 0) => {
      const [delivery] = inFlight.accept([{ id: `${++id}-0`, message: 'text', attempts: 0 }], true);
      if (delivery) settler.settle(delivery, outcome, busy);
      await vi.advanceTimersByTimeAsync(10);
    },
    take: async () => {
      for (const take of taking.splice(0)) take();
      await vi.advanceTimersByTimeAsync(10);
    },
  };
}

const failed = (error: string): KnownOutcome => ({ kind: 'failed', reason: 'failed', error });

describe('a failure', () => {
  vi.useFakeTimers();

  it('is reported as a dead letter when Redis has it, not before', async () => {
    const { settle, take, reported } = setUp();
    await settle(failed('broken'));
    expect(reported).toEqual([]);
    await take();
    expect(reported).toMatchObject([{ inboxId: '1-0', error: 'broken', attempts: 1 }]);
  });

  it('that is tried again is reported at once', async () => {
    const { settle, failures } = setUp({ maxAttempts: 2 });
    await settle(failed('broken'));
    expect(failures).toMatchObject([{ inboxId: '1-0', error: 'broken', attempt: 1, dead: false }]);
  });

  it.each([
    { outcome: failed('broken'), ms: 12 },
    { outcome: { kind: 'given-up', error: 'no' } as const, ms: 12 },
  ])(
    'as a dead letter has the times of its attempt, if the group writes times: $outcome.kind',
    async (one) => {
      const { settle, buried } = setUp({ timed: true });
      const before = Date.now();
      await settle(one.outcome, one.ms);
      expect(buried).toMatchObject([{ startedAt: before - one.ms, finishedAt: before }]);
      const plain = setUp();
      await plain.settle(one.outcome, one.ms);
      expect(plain.buried[0]).not.toHaveProperty('startedAt');
    },
  );

  const stack = 'Error: broken\n    at here';
  it.each([
    { kind: 'failed', reason: 'failed', error: 'broken', stack } as const,
    { kind: 'given-up', error: 'no', stack } as const,
  ])('as a dead letter has the stack of its last attempt: $kind', async (outcome) => {
    const { settle, buried } = setUp({ maxAttempts: 1 });
    await settle(outcome);
    expect(buried).toMatchObject([{ stack }]);
  });

  it.each([
    ['ASCII', 'x'.repeat(5_000_000), 'x', 5_000_000],
    ['two bytes each', 'é'.repeat(6_000), 'é', 12_000],
    ['pairs of surrogates', `a${'😀'.repeat(4_000)}`, '😀', 16_001],
  ])(
    'with a long error is cut to 8 KB, at a character, and says so: %s',
    async (_what, error, last, bytes) => {
      const { settle, buried } = setUp();
      await settle(failed(error));
      const kept = buried[0]?.error ?? '';
      expect(Buffer.byteLength(kept)).toBeLessThanOrEqual(8_192);
      expect(Buffer.byteLength(kept)).toBeGreaterThan(8_000);
      const note = `… (cut: ${bytes} bytes in all)`;
      expect(kept.endsWith(`${last}${note}`)).toBe(true);
      expect(error.startsWith(kept.slice(0, -note.length))).toBe(true);
    },
  );

  it('with an error of 8 KB is kept whole', async () => {
    const { settle, buried } = setUp();
    await settle(failed('é'.repeat(4_096)));
    expect(buried[0]?.error).toBe('é'.repeat(4_096));
  });
});
