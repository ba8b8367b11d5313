/** A read that waits for its turn. */
interface WaitingRead {
  readonly wanted: () => number;
  readonly begin: (count: number) => void;
}

/**
 * Bounds how many messages the consumers of a process read and commit at a time. Reading more than keeps Redis busy only
 * makes everything wait longer. And objects that live long are expensive: V8 copies them twice, and needs a full garbage
 * collection to free them.
 *
 * Only a read that expects to get all it asks for needs a turn: a read that waits for the first message of a quiet channel
 * delays no other. Messages in work do not count, however long they take.
 */
export class ReadLimiter {
  readonly #most: number;
  /** Messages that the reads under way asked for. */
  #asked = 0;
  /** Messages whose results are on their way to Redis, or whose packs are. */
  #committing = 0;
  #waiting: WaitingRead[] = [];

  /** @param most messages; the read that reaches it may exceed it, by any amount */
  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Waits for a turn to read, first come, first served. Call {@link release} with the count when the read is over.
   *
   * @param wanted how many messages to ask for; called when the turn comes
   * @returns what `wanted` gave, or 0 if the signal is aborted first
   */
  acquire(wanted: () => number, signal: AbortSignal): Promise<number> {
    if (signal.aborted) return Promise.resolve(0);
    return new Promise((resolve) => {
      const giveUp = () => {
        this.#waiting = this.#waiting.filter((other) => other !== read);
        resolve(0);
      };
      const begin = (count: number) => {
        signal.removeEventListener('abort', giveUp);
        resolve(count);
      };
      const read = { wanted, begin };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#waiting.push(read);
      this.#beginReads();
    });
  }

  /** A read is over, whatever it returned. */
  release(count: number): void {
    this.#asked -= count;
    this.#beginReads();
  }

  /** So many more messages are on their way to Redis. */
  committing(count: number): void {
    this.#committing += count;
  }

  /** So many of them have arrived. */
  committed(count: number): void {
    this.#committing -= count;
    this.#beginReads();
  }

  #beginReads(): void {
    while (this.#asked + this.#committing < this.#most) {
      const next = this.#waiting.shift();
      if (!next) return;
      const count = next.wanted();
      this.#asked += count;
      next.begin(count);
    }
  }
}
