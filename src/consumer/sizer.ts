/** A consumer holds so many ms of work, so that it seldom waits for Redis and a crash strands little. */
const HORIZON = 25;
/** Where more is waiting than it asked for, so many: with many consumers, small reads would keep Redis busy. */
const BUSY_HORIZON = 100;
/** Weight of the newest measurement in the running mean. */
const WEIGHT = 0.2;

/**
 * How many entries a consumer asks for: hundreds where a message takes microseconds, one where it takes
 * longer than the horizon, so that slow work is spread evenly over all consumers.
 */
export class Sizer {
  readonly #concurrency: number;
  readonly #fixed: number | undefined;
  readonly #most: number;
  #mean: number | undefined;
  #busy = false;

  /**
   * @param batch most entries a read, or `auto`
   * @param most no `auto` read is larger, unless more are in work at a time
   */
  constructor(concurrency: number, batch: number | 'auto', most: number) {
    this.#concurrency = concurrency;
    this.#most = most;
    this.#fixed = batch === 'auto' ? undefined : batch;
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
  get capacity(): number {
    return this.#fixed === undefined ? this.ahead : Math.max(this.#fixed, this.#concurrency);
  }

  /** Entries that are worked off within the horizon: so many may be handed on, out of reach, to be begun in turn. */
  get ahead(): number {
    // Nothing is known yet: as many as can be in work.
    if (this.#mean === undefined) return this.#concurrency;
    const horizon = this.#busy ? BUSY_HORIZON : HORIZON;
    const wanted = Math.floor((horizon * this.#concurrency) / Math.max(this.#mean, 0.001));
    return Math.min(Math.max(wanted, this.#concurrency), Math.max(this.#most, this.#concurrency));
  }

  /** Entries that may be with the consumer altogether, those included whose outcome Redis does not know yet. */
  get mostHeld(): number {
    return 2 * Math.max(this.#most, this.#concurrency, this.#fixed ?? 0);
  }

  /**
   * How many entries to read now; 0 for not yet. It reads when there is less than it can work on, or when half
   * of what it may hold is worked off: reads stay large, and nothing that could work is idle.
   *
   * @param unprocessed entries with the consumer whose processing has not ended
   */
  room(unprocessed: number): number {
    const { capacity } = this;
    if (unprocessed >= this.#concurrency && unprocessed > capacity / 2) return 0;
    const room = capacity - unprocessed;
    return this.#fixed === undefined ? room : Math.min(room, this.#fixed);
  }
}
