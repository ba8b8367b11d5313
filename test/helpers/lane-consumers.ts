import { vi } from 'vitest';
import { Committer } from '../../src/consumer/committer.js';
import { Consumer } from '../../src/consumer/consumer.js';
import { LaneConsumers } from '../../src/consumer/lane-consumers.js';
import { ReadLimiter } from '../../src/consumer/read-limiter.js';
import { SharedPlaces } from '../../src/consumer/shared-places.js';
import {
  type ConsumerStore,
  type Pack,
  processedIn,
  type ReadEntries,
} from '../../src/core/consumer-store.js';
import { type ConsumerExecutor, INTERRUPTED, type Outcome } from '../../src/core/executor.js';
import { identityIn } from '../../src/core/pack.js';
import { silentLogger } from '../../src/log/logger.js';
import { fakeStore } from './fake-store.js';

/** An attempt that the test ends. */
interface OpenAttempt {
  readonly inboxId: string;
  end(outcome?: Outcome): void;
}

/** A lane whose Redis is in memory. */
export class FakeLane {
  readonly committed: string[] = [];
  /** Messages that were handed back, in all, and those of them that no consumer has taken over. */
  left = 0;
  readonly returned: string[] = [];
  reads = 0;
  /** What was noted to begin. */
  readonly noted: string[] = [];
  /** Whether Redis answers. */
  answers = true;
  /** Whether it refuses each call. */
  refuses = false;
  /** Resolves when it answers that it has what was handed back. */
  handBackTakes: Promise<void> | undefined;
  readonly #number: number;
  #waiting: string[] = [];
  #packs: Pack[] = [];
  #count = 0;
  #wake: (() => void) | undefined;
  readonly #unanswered: (() => void)[] = [];

  constructor(number: number) {
    this.#number = number;
  }

  publish(count = 1): void {
    for (let i = 0; i < count; i++) this.#waiting.push(`${this.#number + 1}-${++this.#count}`);
    this.#wake?.();
  }

  /** Publishes a pack of so many messages. */
  publishPack(count: number): void {
    const id = `${this.#number + 1}-${1_000_000 + 1_000 * ++this.#count + count}`;
    this.#packs.push({ id, messages: Array.from({ length: count }, () => 'm') });
    this.#wake?.();
  }

  get waiting(): number {
    return this.#packs.reduce((sum, { messages }) => sum + messages.length, this.#waiting.length);
  }

  async read(count: number, block: number | undefined): Promise<ReadEntries> {
    this.reads++;
    if (this.waiting === 0 && block !== undefined)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, block);
      });
    this.#wake = undefined;
    await this.answer();
    const packs: Pack[] = [];
    for (let room = count; room > 0 && this.#packs.length > 0; room -= packs.at(-1)?.messages.length ?? 0)
      packs.push(...this.#packs.splice(0, 1));
    const ids = packs.length > 0 ? [] : this.#waiting.splice(0, count);
    const entries = ids.map((id) => ({ id, message: 'm', attempts: 0 }));
    return { packs, entries, more: this.waiting > 0 };
  }

  unblock(): void {
    this.#wake?.();
  }

  /** Waits until Redis answers. */
  answer(): Promise<void> {
    if (this.refuses) return Promise.reject(new Error('refused'));
    return this.answers ? Promise.resolve() : new Promise((resolve) => this.#unanswered.push(resolve));
  }

  /** Redis answers from now on, also what it was asked meanwhile. */
  answerAgain(): void {
    this.answers = true;
    for (const resolve of this.#unanswered.splice(0)) resolve();
  }

  #return(ids: readonly string[]): number {
    this.left += ids.length;
    this.returned.push(...ids);
    return ids.length;
  }

  get store(): ConsumerStore {
    return fakeStore({
      commit: async (results) => {
        await this.answer();
        this.committed.push(...results.map(({ inboxId }) => inboxId));
        return [];
      },
      settlePacks: async (packs) => {
        await this.answer();
        for (const pack of packs) {
          this.committed.push(...processedIn(pack));
          this.#return(pack.left.map(({ number }) => identityIn(pack.id, number)));
        }
        return [];
      },
      begin: async ({ entryId }) => {
        await this.answer();
        this.noted.push(entryId);
        return true;
      },
      leave: async (_id, attempts) => {
        await this.answer();
        return this.#return([...attempts.keys()]);
      },
      handBack: async (_id, attempts) => {
        await this.answer();
        const handedBack = this.#return([...attempts.keys()]);
        await this.handBackTakes;
        return handedBack;
      },
    });
  }
}

export interface FakeLanesOptions {
  readonly lanes: number;
  readonly concurrency?: number;
  /** Whether deliveries beyond the concurrency wait in the executor, as in a thread. */
  readonly deep?: boolean;
  /** ms of each attempt, as it is reported. */
  readonly ms?: number;
  /** Whether attempts have their results at once. */
  readonly instant?: boolean;
  readonly batch?: number | 'auto';
}

/** A consumer with several lanes, whose attempts the test ends. Time is that of vitest. */
export function consumerWithLanes(options: FakeLanesOptions) {
  const { lanes: count, concurrency = 1, deep = false, ms = 1, instant = false, batch = 'auto' } = options;
  const lanes = Array.from({ length: count }, (_, number) => new FakeLane(number));
  /** In the order in which they came. */
  const attempts: OpenAttempt[] = [];
  const begun: string[] = [];
  /** `whole`: messages whose pack was processed as a whole. */
  const state = { quiet: false, closed: false, most: 0, whole: 0 };
  const executor: ConsumerExecutor = {
    depth: deep ? Number.POSITIVE_INFINITY : concurrency,
    get closed() {
      return state.closed;
    },
    execute: (delivery, onOutcome) => {
      if (state.quiet) throw new Error('an attempt begins while the executor is quiet');
      const remove = () => attempts.splice(attempts.indexOf(attempt), 1);
      const attempt: OpenAttempt = {
        inboxId: delivery.inboxId,
        end: (outcome = { kind: 'processed', messageId: delivery.inboxId, data: '{}' }) => {
          remove();
          onOutcome(delivery, outcome, outcome === INTERRUPTED ? 0 : ms);
        },
      };
      attempts.push(attempt);
      begun.push(delivery.inboxId);
      state.most = Math.max(state.most, attempts.length);
      if (instant) attempt.end();
      return { interrupt: () => attempt.end(INTERRUPTED) };
    },
    ...(instant && {
      executeAll: ({ inboxIds }) => {
        state.whole += inboxIds.length;
        const texts = inboxIds.flatMap((id) => [id, '{}']);
        return { texts, length: 2 * inboxIds.length, times: inboxIds.map(() => ms) };
      },
    }),
    quiet: () => {
      state.quiet = true;
      for (const attempt of attempts.slice(concurrency)) attempt.end(INTERRUPTED);
    },
    resume: () => {
      state.quiet = false;
    },
  };
  const places = count > 1 ? new SharedPlaces(executor) : undefined;
  const consumers = lanes.map((lane) => {
    const { store } = lane;
    const readLimiter = new ReadLimiter(1_000);
    const callbacks = { onSettled() {}, onBuried() {}, onResults: undefined };
    const limits = { outputMaxLen: 0, deadMaxLen: 0 };
    return new Consumer({
      id: 'c',
      reader: {
        read: (most, block) => lane.read(most, block),
        unblock: async () => lane.unblock(),
      },
      store,
      committer: new Committer({ store, readLimiter, log: silentLogger, ...limits, ...callbacks }),
      ...{ readLimiter, executor, places, concurrency },
      batch,
      policy: { maxAttempts: 3, backoff: 1 },
      log: silentLogger,
      onFailure() {},
      onMeasured() {},
      onAttempt: undefined,
      timed: false,
    });
  });
  /** As the reclaimer does: gives what was handed back to the consumer again, if it has room. */
  const takeBack = () => {
    for (const [i, { returned }] of lanes.entries()) {
      const there = consumers[i] as Consumer;
      const ids = returned.splice(0, Math.max(there.room, 0));
      const entries = ids.map((id) => ({ id, message: 'm', attempts: 0 }));
      if (ids.length > 0) void there.takeOver(async () => ({ entries }));
    }
  };
  const consumer = new LaneConsumers(consumers as [Consumer, ...Consumer[]]);
  consumer.consumers = 1;
  return {
    ...{ consumer, lanes, attempts, begun, state, takeBack },
    /** Lets everything happen that happens by itself. */
    settle: () => vi.advanceTimersByTimeAsync(10),
    /** Ends the attempt that began first. */
    end: async (outcome?: Outcome) => {
      attempts[0]?.end(outcome);
      await vi.advanceTimersByTimeAsync(10);
      takeBack();
      await vi.advanceTimersByTimeAsync(10);
    },
  };
}
