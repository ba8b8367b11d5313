import { performance } from 'node:perf_hooks';
import type { ConsumerStore, Cursor, Entry } from '../core/consumer-store.js';
import { Loop, type Service } from '../core/service.js';
import type { Logger } from '../log/logger.js';
import { repeatedFailures, ThrottledLog } from '../log/throttle.js';
import { LONGEST_WAIT } from './retry-policy.js';

/** ms between two looks at what is due. */
const LOOK_EVERY = 100;
/** Of so many looks, one is at the silent too. */
const RECLAIM_EACH = 5;
/** ms from the first entry that is taken over to the line about all of them. */
const LINE_AFTER = 5_000;
/** Entries asked for at once. */
const MOST = 100;

/** What the reclaimer asks of a consumer. */
export interface Taker {
  readonly id: string;
  /** How many entries it could take now. */
  readonly room: number;
  accept(entries: readonly Entry[]): void;
}

export interface ReclaimerOptions {
  readonly store: ConsumerStore;
  readonly takers: readonly Taker[];
  /** Silence after which an entry is taken from its consumer, ms. */
  readonly claimAfter: number;
  readonly log: Logger;
  /** Entries that somebody deleted from the inbox while they were pending. */
  readonly onLost: (count: number) => void;
}

/** Gives this process's consumers what silent ones held, and what is due for another attempt. */
export class Reclaimer implements Service {
  readonly #options: ReclaimerOptions;
  readonly #loop: Loop;
  readonly #failures: ThrottledLog<unknown>;
  /** Throttled: when consumers have room for one message at a time, each would have a line. */
  readonly #takenOver: ThrottledLog<string>;
  /** When a look last failed: ms of the monotonic clock. */
  #failedAt = Number.NEGATIVE_INFINITY;
  #looks = 0;
  /** When it last went through what all consumers hold: ms of the monotonic clock. */
  #wentThroughAt = Number.NEGATIVE_INFINITY;
  /** The look under way, where no consumer of ours had room for all of it. */
  #pass: { readonly everyone: boolean; readonly from: Cursor } | undefined;

  constructor(options: ReclaimerOptions) {
    this.#options = options;
    this.#failures = repeatedFailures(options.log, 'entries cannot be reclaimed or retried');
    this.#takenOver = new ThrottledLog({
      delay: LINE_AFTER,
      write: (entries, consumer) =>
        options.log.info({ entries, consumer }, `took over ${entries} messages of silent consumers`),
    });
    this.#loop = new Loop(
      LOOK_EVERY,
      () => this.#look(),
      (error) => {
        this.#failedAt = performance.now();
        this.#failures.add(error);
      },
    );
  }

  start(): Promise<void> {
    return this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
    this.#takenOver.flush();
  }

  async #look(): Promise<void> {
    await this.#takeDue();
    if (this.#looks++ % RECLAIM_EACH === 0 && this.#mayTake()) await this.#takeFromSilent();
    this.#failures.over();
  }

  /** Where Redis was away, everybody was silent: the living get the time to say so. */
  #mayTake(): boolean {
    return performance.now() - this.#failedAt >= this.#options.claimAfter;
  }

  async #takeDue(): Promise<void> {
    for (let taker = this.#roomiest(); taker; taker = this.#roomiest()) {
      const count = Math.min(taker.room, MOST);
      const entries = await this.#options.store.due(taker.id, count, LONGEST_WAIT);
      taker.accept(entries);
      if (entries.length < count) return;
    }
  }

  /**
   * Goes once through what silent consumers hold, or until no consumer of ours has room; now and then through what all
   * hold, for what a consumer was given that never heard of it.
   */
  async #takeFromSilent(): Promise<void> {
    const { store, claimAfter, onLost } = this.#options;
    const everyone = this.#pass?.everyone ?? performance.now() - this.#wentThroughAt >= claimAfter;
    for (let taker = this.#roomiest(); taker; taker = this.#roomiest()) {
      const { id: consumerId, room } = taker;
      const request = { consumerId, silence: claimAfter, count: Math.min(room, MOST), everyone };
      const { entries, next, lost } = await store.reclaim({ ...request, from: this.#pass?.from });
      this.#pass = next && { everyone, from: next };
      if (lost > 0) onLost(lost);
      if (entries.length > 0) this.#takenOver.add(consumerId, entries.length);
      taker.accept(entries);
      if (next) continue;
      if (everyone) this.#wentThroughAt = performance.now();
      return;
    }
  }

  #roomiest(): Taker | undefined {
    let best: Taker | undefined;
    let most = 0;
    for (const taker of this.#options.takers) {
      const { room } = taker;
      if (room > most) {
        best = taker;
        most = room;
      }
    }
    return best;
  }
}
