import { costOf, FULL } from './buffer.js';

/** What comes before the first mark, in its order; where it is too much, the oldest goes. */
export class Prelude {
  readonly #most: number;
  #messages: Buffer[] = [];
  #bytes = 0;

  /** @param most bytes */
  constructor(most: number) {
    this.#most = most;
  }

  get messages(): readonly Buffer[] {
    return this.#messages;
  }

  get length(): number {
    return this.#messages.length;
  }

  /** Takes a message in. Returns how many had to be let go. */
  push(message: Buffer): number {
    this.#messages.push(message);
    this.#bytes += costOf(message);
    if (this.#bytes <= this.#most) return 0;
    let count = 0;
    // The newest stays, however long it is: Redis may well take it.
    for (const oldest of this.#messages.slice(0, -1)) {
      if (this.#bytes <= this.#most * FULL) break;
      this.#bytes -= costOf(oldest);
      count++;
    }
    this.#messages.splice(0, count);
    return count;
  }

  clear(): void {
    this.#messages = [];
    this.#bytes = 0;
  }
}
