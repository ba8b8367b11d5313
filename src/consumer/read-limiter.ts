/** Who waits to be admitted. */
interface Waiting {
  readonly room: () => number;
  readonly begin: (count: number) => void;
}

/**
 * Bounds what the consumers of a process are reading and committing: beyond what keeps Redis busy, reading more only makes
 * everything wait longer. And what lives for long is dear: V8 copies it twice, and looks through all memory to be rid of it.
 *
 * Only a read that expects to get all it asks for is to be admitted: who waits for the first message of a quiet channel
 * stands in nobody's way. Nor does what is in work, for however long.
 */
export class ReadLimiter {
  readonly #most: number;
  /** Entries that are asked for by reads that were admitted. */
  #asked = 0;
  /** Results on their way to Redis. */
  #committing = 0;
  #line: Waiting[] = [];

  /** @param most entries; the last read that is admitted may exceed it, however large it is */
  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Waits for its turn to read, first come, first served. {@link release} so many once they are here.
   *
   * @param room how many entries it would ask for, as it is when its turn comes
   * @returns how many it may ask for: its room then, or 0 where the signal is aborted first
   */
  acquire(room: () => number, signal: AbortSignal): Promise<number> {
    if (signal.aborted) return Promise.resolve(0);
    return new Promise((resolve) => {
      const giveUp = () => {
        this.#line = this.#line.filter((other) => other !== waiting);
        resolve(0);
      };
      const begin = (count: number) => {
        signal.removeEventListener('abort', giveUp);
        resolve(count);
      };
      const waiting = { room, begin };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#line.push(waiting);
      this.#admit();
    });
  }

  /** A read is over, whatever it gave. */
  release(count: number): void {
    this.#asked -= count;
    this.#admit();
  }

  /** One more result is on its way to Redis. */
  committing(): void {
    this.#committing++;
  }

  /** So many results are in the output, by whomever. */
  committed(count: number): void {
    this.#committing -= count;
    this.#admit();
  }

  #admit(): void {
    while (this.#asked + this.#committing < this.#most) {
      const next = this.#line.shift();
      if (!next) return;
      const count = next.room();
      this.#asked += count;
      next.begin(count);
    }
  }
}
