import { pause } from '../core/service.js';
import { compareIds } from '../core/stream-id.js';
import type { ThrottledLog } from '../log/throttle.js';

/** With larger ones Redis and this process wait for each other, and with smaller ones each costs more. */
const MAX_ENTRIES = 500;
/** Characters in one call, about: the script blocks Redis for as long as it copies them. */
const MAX_LENGTH = 1_000_000;
/** ms between two tries of what Redis refused or did not answer. */
const RETRY_EVERY = 100;

export interface BatchQueueOptions<T> {
  /** Calls that may be under way at a time. */
  readonly calls: number;
  /** Characters that one of them brings. */
  readonly lengthOf: (settlement: T) => number;
  /** Brings them to Redis; may be called again with the same ones. */
  readonly send: (batch: readonly T[]) => Promise<void>;
  /** Told once Redis has taken them. */
  readonly onTaken: (batch: readonly T[]) => void;
  readonly failures: ThrottledLog<unknown>;
  /** Aborted: nothing more is sent. */
  readonly abandoned: AbortSignal;
}

/**
 * Settlements of one kind on their way to Redis, in batches. What comes while a call is under way makes up the next: they
 * grow with the load by themselves. Another call beside it is made only where a whole batch is waiting, so that Redis
 * has the next one when it is done with one.
 */
export class BatchQueue<T extends { readonly inboxId: string }> {
  readonly #options: BatchQueueOptions<T>;
  #waiting: T[] = [];
  /** Characters of all that wait. */
  #length = 0;
  /** Calls under way, or about to be made. */
  #calls = 0;
  #onIdle: (() => void)[] = [];

  constructor(options: BatchQueueOptions<T>) {
    this.#options = options;
  }

  add(settlement: T): void {
    this.#waiting.push(settlement);
    this.#length += this.#options.lengthOf(settlement);
    if (this.#calls > 0 && !(this.#isFull && this.#calls < this.#options.calls)) return;
    this.#calls++;
    // After the messages of one read, so that they become one call.
    setImmediate(() => void this.#run());
  }

  /** Waits until Redis knows of all, or the signal is aborted. */
  async flush(signal: AbortSignal): Promise<void> {
    while (this.#calls > 0 && !signal.aborted)
      await new Promise<void>((resolve) => {
        this.#onIdle.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
  }

  get #isFull(): boolean {
    return this.#waiting.length >= MAX_ENTRIES || this.#length >= MAX_LENGTH;
  }

  async #run(): Promise<void> {
    const { onTaken, abandoned } = this.#options;
    while (!abandoned.aborted && this.#waiting.length > 0 && (this.#calls === 1 || this.#isFull)) {
      const batch = this.#nextBatch();
      if (await this.#bring(batch)) onTaken(batch);
    }
    this.#calls--;
    if (this.#calls === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  /** The oldest first: what is the front of the inbox is removed at nearly no cost. */
  #nextBatch(): T[] {
    this.#waiting.sort((a, b) => compareIds(a.inboxId, b.inboxId));
    const { lengthOf } = this.#options;
    let length = 0;
    let end = 0;
    for (const next of this.#waiting) {
      const more = length + lengthOf(next);
      if (end === MAX_ENTRIES || (end > 0 && more > MAX_LENGTH)) break;
      length = more;
      end++;
    }
    this.#length -= length;
    return this.#waiting.splice(0, end);
  }

  /** Tries until Redis takes it. False where it is abandoned first. */
  async #bring(batch: readonly T[]): Promise<boolean> {
    const { send, failures, abandoned } = this.#options;
    while (!abandoned.aborted) {
      try {
        await send(batch);
        failures.over();
        return true;
      } catch (error) {
        failures.add(error);
        await pause(RETRY_EVERY, abandoned);
      }
    }
    return false;
  }
}
