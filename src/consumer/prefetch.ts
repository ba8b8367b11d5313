/** ms of work that a consumer holds: enough that it seldom waits for Redis, and little that a crash strands. */
const HORIZON = 25;
/** The same if more is waiting than it asked for: with many consumers, small reads would keep Redis busy. */
const BUSY_HORIZON = 100;
/** Weight of the newest measurement in the running mean. */
const WEIGHT = 0.2;

/** Unprocessed entries that all consumers of a process may hold: what they hold longer must be renewed. */
const MOST_UNPROCESSED = 8_000;
/** The least share of one consumer in these. */
const FEWEST = 50;
/** Most entries of an `auto` read: more would delay the event loop. */
const MOST = 500;

export interface PrefetchOptions {
  /** Messages in work at a time. */
  readonly concurrency: number;
  /** Most entries of a read, or `auto`. */
  readonly batch: number | 'auto';
}

/**
 * How many entries a consumer asks for: hundreds if a message takes microseconds, one if it takes longer than the
 * horizon, so that slow work is spread evenly over all consumers.
 */
export class Prefetch {
  readonly #options: PrefetchOptions;
  readonly #fixed: number | undefined;
  /** Unprocessed entries that the consumer may hold even if all consumers together exceed the horizon. */
  #share = MOST;
  #consumers = 1;
  /** ms per message. */
  #mean: number | undefined;
  #busy = false;

  constructor(options: PrefetchOptions) {
    this.#options = options;
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
    this.#mean = this.#mean === undefined ? ms : this.#mean + WEIGHT * (ms - this.#mean);
  }

  /** Notes how many entries a read returned, and how many it had asked for. */
  recordRead(got: number, asked: number): void {
    this.#busy = got === asked;
  }

  /** Notes that a read failed: whether more is waiting is unknown. */
  recordFailedRead(): void {
    this.#busy = false;
  }

  /** Whether the last read returned all that it asked for: more is waiting. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Unprocessed entries that the consumer may hold, those in work included. */
  get maxUnprocessed(): number {
    return this.#fixed === undefined ? this.prefetch : Math.max(this.#fixed, this.#options.concurrency);
  }

  /** Entries that are processed within the horizon: so many may wait in the executor, where they cannot be called back. */
  get prefetch(): number {
    const { concurrency } = this.#options;
    // Nothing is measured yet: as many as can be in work.
    if (this.#mean === undefined) return concurrency;
    const inHorizon = (this.#busy ? BUSY_HORIZON : HORIZON) / Math.max(this.#mean, 0.001);
    // What all consumers could process within the horizon one after the other, as if they shared one thread, delays none of
    // them: so many consumers, too, read much at a time if a message takes microseconds.
    const allowed = Math.min(Math.max(this.#share, Math.floor(inHorizon / this.#consumers)), MOST);
    return Math.max(Math.min(Math.floor(inHorizon * concurrency), allowed), concurrency);
  }

  /** All entries that the consumer may hold, including those whose outcome is on its way to Redis. */
  get maxInFlight(): number {
    return 2 * Math.max(this.#share, this.maxUnprocessed);
  }

  /**
   * How many entries to read now; 0 for not yet. It reads when it holds less than it can work on, or when half of what
   * it may hold is processed: so reads stay large, and no place in work stays empty.
   *
   * @param unprocessed entries that the consumer holds and that are not processed
   */
  readCount(unprocessed: number): number {
    const { maxUnprocessed } = this;
    if (unprocessed >= this.#options.concurrency && unprocessed > maxUnprocessed / 2) return 0;
    const count = maxUnprocessed - unprocessed;
    return this.#fixed === undefined ? count : Math.min(count, this.#fixed);
  }
}
