/** Entries of the first read: nothing is known of their size yet. */
const FIRST = 8;
/** Bytes of a read, about: its reply must not take long, and no message is divided. */
const BYTES = 1_000_000;

/**
 * How many entries the next read asks for. Redis only bounds a reply by their number, so the bytes follow from the last
 * replies: few at first, twice as many while they are small, fewer when they are large, half after a reply that did not come.
 */
export class ReadSize {
  readonly #most: number;
  #count: number;

  /** @param most entries of a read */
  constructor(most: number) {
    this.#most = most;
    this.#count = Math.min(FIRST, most);
  }

  /** Entries of the next read, at least 1. */
  get count(): number {
    return this.#count;
  }

  /** Notes what came. */
  came(entries: number, bytes: number): void {
    if (entries === 0) return;
    const fit = Math.floor((BYTES * entries) / Math.max(bytes, 1));
    this.#count = Math.max(1, Math.min(fit, 2 * this.#count, this.#most));
  }

  /** Notes that a reply did not come. */
  failed(): void {
    this.#count = Math.max(1, Math.floor(this.#count / 2));
  }
}
