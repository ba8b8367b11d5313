import { MOST_IN_PACK } from '../core/pack.js';
import { Pace } from './pace.js';

/** ms of work that a consumer holds: enough that it seldom waits for Redis, and little that a crash strands. */
const HORIZON = 25;
/** The same if more is waiting than it asked for: with many consumers, small reads would keep Redis busy. */
const BUSY_HORIZON = 100;
/** ms that the attempts of the packs of one read, or of one key, may take at once, about. */
export const AT_ONCE = 25;
/** ms a message from which on work comes message by message: so it spreads over all consumers. */
const SLOW = 1;
/** ms of attempts after which no further message of a pack begins: its first results wait for the last. */
const PATIENCE = 100;

/** Unprocessed messages that all consumers of a process may hold: what they hold longer must be renewed. */
const MOST_UNPROCESSED = 8_000;
/** The least share of one consumer in these. */
const FEWEST = 50;
/** Most messages of an `auto` read: more would delay the event loop. */
const MOST = 500;

export interface PrefetchOptions {
  /** Messages in work at a time. */
  readonly concurrency: number;
  /** Most messages of a read, or `auto`. */
  readonly batch: number | 'auto';
}

/**
 * How many messages a consumer asks for: hundreds if a message takes microseconds, one if it takes longer than the
 * horizon, so that slow work is spread evenly over all consumers.
 */
export class Prefetch {
  readonly #options: PrefetchOptions;
  readonly #fixed: number | undefined;
  /** Unprocessed messages that the consumer may hold even if all consumers together exceed the horizon. */
  #share = MOST;
  #consumers = 1;
  readonly #pace: Pace;
  #busy = false;

  /** @param pace one for all lanes of a consumer */
  constructor(options: PrefetchOptions, pace = new Pace()) {
    this.#options = options;
    this.#pace = pace;
    this.#fixed = options.batch === 'auto' ? undefined : options.batch;
  }

  /** Consumers of the process, this one included. */
  get consumers(): number {
    return this.#consumers;
  }

  set consumers(count: number) {
    this.#consumers = count;
    this.#share = Math.min(Math.max(Math.floor(MOST_UNPROCESSED / count), FEWEST), MOST);
  }

  /** Notes that one message kept the processor busy for so many ms. */
  recordAttempt(ms: number): void {
    this.#pace.add(ms);
  }

  /** The same of `count` messages, each for so many ms on average. */
  recordAttempts(ms: number, count: number): void {
    this.#pace.addAll(ms, count);
  }

  /** Notes whether more was waiting than a read returned. */
  recordRead(more: boolean): void {
    if (more !== this.#busy) this.#pace.noteBusy(more);
    this.#busy = more;
  }

  /** Notes that a read failed: whether more is waiting is unknown. */
  recordFailedRead(): void {
    this.recordRead(false);
  }

  /** Whether more is waiting, as of the last read. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Whether a message takes so long, or may, that one which has to wait for it is better off with another consumer. */
  get slow(): boolean {
    return this.#pace.mean === undefined || this.#pace.mean > BUSY_HORIZON;
  }

  /** Unprocessed messages that the consumer may hold, those in work included. */
  get maxUnprocessed(): number {
    return this.#fixed === undefined ? this.prefetch : Math.max(this.#fixed, this.#options.concurrency);
  }

  /** Messages that are processed within the horizon: so many may wait in the executor, where they cannot be called back. */
  get prefetch(): number {
    const { concurrency } = this.#options;
    // Nothing is measured yet: as many as can be in work.
    if (this.#pace.mean === undefined) return concurrency;
    const inHorizon = (this.#pace.busy ? BUSY_HORIZON : HORIZON) / Math.max(this.#pace.mean, 0.001);
    // What all consumers could process within the horizon one after the other, as if they shared one thread, delays none of
    // them: so many consumers, too, read much at a time if a message takes microseconds.
    const allowed = Math.min(Math.max(this.#share, Math.floor(inHorizon / this.#consumers)), MOST);
    return Math.max(Math.min(Math.floor(inHorizon * concurrency), allowed), concurrency);
  }

  /** Most messages that a pack should have for this consumer; 1 for no packs; undefined if nothing is measured yet. */
  get packSize(): number | undefined {
    if (this.#pace.measured === 0) return undefined;
    if (this.#pace.steadyMean > SLOW) return 1;
    const size = Math.floor(HORIZON / Math.max(this.#pace.steadyMean, 0.001));
    return Math.min(size, this.#fixed ?? MOST_IN_PACK, MOST_IN_PACK);
  }

  /**
   * How many messages of a pack it takes, though the pack is there already. Others could begin the rest sooner: it goes back.
   *
   * @param unprocessed as for {@link readCount}
   */
  roomInPack(unprocessed: number): number {
    if (this.#pace.measured === 0) return Math.max(this.#options.concurrency - unprocessed, 0);
    // A read may bring more packs than it asks for: what they hold is to begin soon.
    const wait = (unprocessed * this.#pace.steadyMean) / this.#options.concurrency;
    if (this.#pace.steadyMean > SLOW || wait > BUSY_HORIZON) return 0;
    return this.#fixed === undefined ? MOST_IN_PACK : Math.max(this.#fixed - unprocessed, 0);
  }

  /** ms of attempts after which no further message of a pack begins. */
  get patience(): number {
    return PATIENCE * this.#options.concurrency;
  }

  /** All messages that the consumer may hold, including those whose outcome is on its way to Redis. */
  get maxInFlight(): number {
    return 2 * Math.max(this.#share, this.maxUnprocessed);
  }

  /**
   * How many messages to read now; 0 for not yet. It reads when it holds less than it can work on, or when half of what
   * it may hold is processed: so reads stay large, and no place in work stays empty.
   *
   * @param unprocessed messages that the consumer holds and that are not processed
   */
  readCount(unprocessed: number): number {
    const { maxUnprocessed } = this;
    if (unprocessed >= this.#options.concurrency && unprocessed > maxUnprocessed / 2) return 0;
    const count = maxUnprocessed - unprocessed;
    return this.#fixed === undefined ? count : Math.min(count, this.#fixed);
  }
}
