/** Who waits to be admitted. */
interface Waiting {
  readonly count: number;
  readonly begin: () => void;
}

/**
 * Bounds what the consumers of a process have read and Redis has not settled: beyond what keeps Redis busy, reading more only
 * makes everything wait longer. And what lives for long is dear: V8 copies it twice, and looks through all memory to be rid of it.
 *
 * Only a read that expects to get all it asks for is to be admitted: who waits for the first message of a quiet channel
 * stands in nobody's way. Nor does what is in work, for however long.
 */
export class Admission {
  readonly #most: number;
  /** Entries that are asked for by reads that were admitted. */
  #asked = 0;
  /** Entries whose outcome is on its way to Redis. */
  #unsettled = 0;
  #line: Waiting[] = [];

  /** @param most entries; the last read that is admitted may exceed it, however large it is */
  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Waits until so many entries may be asked for, first come, first served. {@link leave} once they are here.
   *
   * @returns whether they may be; false where the signal is aborted first
   */
  enter(count: number, signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const giveUp = () => {
        this.#line = this.#line.filter((other) => other !== waiting);
        resolve(false);
      };
      const begin = () => {
        signal.removeEventListener('abort', giveUp);
        resolve(true);
      };
      const waiting = { count, begin };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#line.push(waiting);
      this.#admit();
    });
  }

  /** A read of so many that was admitted is over, whatever it gave. */
  leave(count: number): void {
    this.#asked -= count;
    this.#admit();
  }

  /** The outcome of one more entry is on its way to Redis. */
  ended(): void {
    this.#unsettled++;
  }

  /** Redis knows of so many outcomes. */
  settled(count: number): void {
    this.#unsettled -= count;
    this.#admit();
  }

  #admit(): void {
    while (this.#asked + this.#unsettled < this.#most) {
      const next = this.#line.shift();
      if (!next) return;
      this.#asked += next.count;
      next.begin();
    }
  }
}
