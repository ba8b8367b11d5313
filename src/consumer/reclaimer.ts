import { performance } from 'node:perf_hooks';
import type { ConsumerStore, Cursor, Entry } from '../core/consumer-store.js';
import { Loop, type Service } from '../core/service.js';
import { Digest } from '../log/digest.js';
import type { Logger } from '../log/logger.js';
import { Trouble } from '../log/throttle.js';
import { LONGEST_WAIT } from './retry-policy.js';

/** ms between two looks at what is due. */
const LOOK_EVERY = 100;
/** Of so many looks, one is at the silent too. */
const RECLAIM_EACH = 5;
/** ms for which is told together what was taken over. */
const TELL_EVERY = 5_000;
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
  readonly #trouble: Trouble;
  /** Where consumers have room for one message at a time, this would be a line for each. */
  readonly #takenOver: Digest<string>;
  /** When a look last failed: ms of the monotonic clock. */
  #failedAt = Number.NEGATIVE_INFINITY;
  #looks = 0;
  /** When it last went through what all consumers hold: ms of the monotonic clock. */
  #wentThroughAt = Number.NEGATIVE_INFINITY;
  /** The look under way, where no consumer of ours had room for all of it. */
  #pass: { readonly everyone: boolean; readonly from: Cursor } | undefined;

  constructor(options: ReclaimerOptions) {
    this.#options = options;
    this.#trouble = new Trouble(options.log, 'nothing can be taken over or tried again', false);
    this.#takenOver = new Digest(TELL_EVERY, (entries, consumer) =>
      options.log.info({ entries, consumer }, `took over ${entries} messages of silent consumers`),
    );
    this.#loop = new Loop(
      LOOK_EVERY,
      () => this.#look(),
      (error) => {
        this.#failedAt = performance.now();
        this.#trouble.failed(error);
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
    this.#trouble.succeeded();
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
      for (const _entry of entries) this.#takenOver.add(consumerId);
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
