import { hasCode } from '../core/errors.js';
import { pause } from '../core/service.js';
import { compareIds } from '../core/stream-id.js';
import type { ThrottledLog } from '../log/throttle.js';

/** Messages in one call, at most. With more, Redis and this process wait for each other; with fewer, each message costs more. */
const MAX_MESSAGES = 500;
/** Characters in one call, about: the script blocks Redis while it copies them. */
const MAX_LENGTH = 1_000_000;
/** ms between two tries of a call that failed. */
const RETRY_EVERY = 100;

export interface BatchQueueOptions<T> {
  /** Calls that may be under way at a time. */
  readonly calls: number;
  /** Characters that an item adds to a call. */
  readonly lengthOf: (item: T) => number;
  /** How many messages an item stands for. */
  readonly countOf: (item: T) => number;
  /**
   * Sends a batch to Redis; may be called again with the same items, in other batches. Resolves to the items that this call
   * settled: all, unless some were settled before.
   */
  readonly send: (batch: readonly T[]) => Promise<readonly T[]>;
  /** Called when Redis has taken a batch, with what {@link BatchQueueOptions.send} resolved to. */
  readonly onTaken: (batch: readonly T[], settled: readonly T[]) => void;
  readonly failures: ThrottledLog<unknown>;
  /** After it is aborted, nothing more is sent. */
  readonly abandoned: AbortSignal;
}

/**
 * Items of one kind on their way to Redis, in batches. What is enqueued while a call is under way makes the next batch: so
 * batches grow with the load. A second call begins beside the first only when a whole batch waits, so that Redis has the
 * next one when it is done with one. A batch without a reply may be too large for the link or for Redis: half of it is tried.
 */
export class BatchQueue<T extends { readonly entryId: string }> {
  readonly #options: BatchQueueOptions<T>;
  #waiting: T[] = [];
  /** Characters of all items that wait. */
  #length = 0;
  /** Messages of all items that wait. */
  #count = 0;
  /** Most messages of the next batch. */
  #most = MAX_MESSAGES;
  /** Calls under way, or about to begin. */
  #calls = 0;

  constructor(options: BatchQueueOptions<T>) {
    this.#options = options;
  }

  enqueue(item: T): void {
    this.#waiting.push(item);
    this.#length += this.#options.lengthOf(item);
    this.#count += this.#options.countOf(item);
    if (this.#calls > 0 && !(this.#isFull && this.#calls < this.#options.calls)) return;
    this.#calls++;
    // A whole batch goes at once: Redis works on it while this thread goes on. Else it goes after all messages of one read.
    if (this.#isFull) void this.#sendBatches();
    else setImmediate(() => void this.#sendBatches());
  }

  get #isFull(): boolean {
    return this.#count >= this.#most || this.#length >= MAX_LENGTH;
  }

  async #sendBatches(): Promise<void> {
    const { abandoned } = this.#options;
    while (!abandoned.aborted && this.#waiting.length > 0 && (this.#calls === 1 || this.#isFull))
      if (!(await this.#sendBatch(this.#nextBatch()))) await pause(RETRY_EVERY, abandoned);
    this.#calls--;
  }

  /** Returns whether Redis has taken the batch. If not, its items wait again. */
  async #sendBatch(batch: T[]): Promise<boolean> {
    const { send, failures, onTaken, lengthOf, countOf } = this.#options;
    const count = sumOf(batch, countOf);
    let settled: readonly T[];
    try {
      settled = await send(batch);
    } catch (error) {
      failures.add(error);
      if (hasCode(error, 'OUTCOME_UNKNOWN')) this.#most = Math.max(1, Math.floor(count / 2));
      this.#waiting = [...batch, ...this.#waiting];
      this.#length += sumOf(batch, lengthOf);
      this.#count += count;
      return false;
    }
    failures.over();
    this.#most = Math.min(2 * this.#most, MAX_MESSAGES);
    onTaken(batch, settled);
    return true;
  }

  /** The oldest first: Redis removes entries at the front of the inbox at nearly no cost. */
  #nextBatch(): T[] {
    this.#waiting.sort((a, b) => compareIds(a.entryId, b.entryId));
    const { lengthOf, countOf } = this.#options;
    let length = 0;
    let count = 0;
    let end = 0;
    for (const next of this.#waiting) {
      const longer = length + lengthOf(next);
      const more = count + countOf(next);
      if (end > 0 && (more > this.#most || longer > MAX_LENGTH)) break;
      length = longer;
      count = more;
      end++;
    }
    this.#length -= length;
    this.#count -= count;
    return this.#waiting.splice(0, end);
  }
}

/** The sum of a number that each item has. */
export function sumOf<T>(items: readonly T[], numberOf: (item: T) => number): number {
  return items.reduce((sum, item) => sum + numberOf(item), 0);
}
