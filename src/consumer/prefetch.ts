/** A consumer holds so many ms of work, so that it seldom waits for Redis and a crash strands little. */
const HORIZON = 25;
/** Where more is waiting than it asked for, so many: with many consumers, small reads would keep Redis busy. */
const BUSY_HORIZON = 100;
/** Weight of the newest measurement in the running mean. */
const WEIGHT = 0.2;

/** Entries that may lie unprocessed with all consumers of a process: what lies there longer must be renewed. */
const MOST_UNPROCESSED = 8_000;
/** The share of one consumer of these is so many at least. */
const FEWEST = 50;
/** Most entries of an `auto` read, or the event loop would stutter. */
const MOST = 500;

export interface PrefetchOptions {
  /** Messages in work at a time. */
  readonly concurrency: number;
  /** Most entries a read, or `auto`. */
  readonly batch: number | 'auto';
  /** Consumers of the process, this one included. */
  readonly consumers: number;
}

/**
 * How many entries a consumer asks for: hundreds where a message takes microseconds, one where it takes
 * longer than the horizon, so that slow work is spread evenly over all consumers.
 */
export class Prefetch {
  readonly #options: PrefetchOptions;
  readonly #fixed: number | undefined;
  /** Entries that may lie unprocessed with it, however long those of all consumers take together. */
  readonly #share: number;
  #mean: number | undefined;
  #busy = false;

  constructor(options: PrefetchOptions) {
    this.#options = options;
    this.#fixed = options.batch === 'auto' ? undefined : options.batch;
    this.#share = Math.min(Math.max(Math.floor(MOST_UNPROCESSED / options.consumers), FEWEST), MOST);
  }

  /** Takes in that one message kept the processor busy for so many ms. */
  measured(ms: number): void {
    this.#mean = this.#mean === undefined ? ms : this.#mean + WEIGHT * (ms - this.#mean);
  }

  /** Takes in that a read gave so many entries of those it asked for. */
  read(got: number, asked: number): void {
    this.#busy = got === asked;
  }

  /** Takes in that a read failed: whether more is waiting is not known. */
  readFailed(): void {
    this.#busy = false;
  }

  /** Whether the last read gave all that it asked for: more is waiting. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Entries that may lie unprocessed with the consumer, those in work included. */
  get maxUnprocessed(): number {
    return this.#fixed === undefined ? this.prefetch : Math.max(this.#fixed, this.#options.concurrency);
  }

  /** Entries that are worked off within the horizon: so many may be handed on, out of reach, to be begun in turn. */
  get prefetch(): number {
    const { concurrency, consumers } = this.#options;
    // Nothing is known yet: as many as can be in work.
    if (this.#mean === undefined) return concurrency;
    const inHorizon = (this.#busy ? BUSY_HORIZON : HORIZON) / Math.max(this.#mean, 0.001);
    // What all could work off within the horizon one after the other, as if they shared one thread, is a burden to none: many
    // consumers, too, read much at a time where a message is nothing.
    const allowed = Math.min(Math.max(this.#share, Math.floor(inHorizon / consumers)), MOST);
    return Math.max(Math.min(Math.floor(inHorizon * concurrency), allowed), concurrency);
  }

  /** Entries that may be with the consumer altogether, those included whose outcome Redis does not know yet. */
  get maxInFlight(): number {
    return 2 * Math.max(this.#share, this.maxUnprocessed);
  }

  /**
   * How many entries to read now; 0 for not yet. It reads when there is less than it can work on, or when half
   * of what it may hold is worked off: reads stay large, and nothing that could work is idle.
   *
   * @param unprocessed entries with the consumer whose processing has not ended
   */
  readCount(unprocessed: number): number {
    const { maxUnprocessed } = this;
    if (unprocessed >= this.#options.concurrency && unprocessed > maxUnprocessed / 2) return 0;
    const room = maxUnprocessed - unprocessed;
    return this.#fixed === undefined ? room : Math.min(room, this.#fixed);
  }
}
