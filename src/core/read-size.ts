/** Entries of the first read: nothing is known of their size yet. */
const FIRST = 8;

export interface ReadSizeOptions {
  /** Most entries of a read. */
  readonly most: number;
  /** Bytes of a read, about: no message is divided. */
  readonly bytes: number;
}

/**
 * How many entries the next read asks for. Redis only bounds a reply by their number, so the bytes follow from the last
 * replies: few at first, twice as many while they are small, fewer when they are large, half after a reply that did not come.
 */
export class ReadSize {
  readonly #options: ReadSizeOptions;
  #count: number;

  constructor(options: ReadSizeOptions) {
    this.#options = options;
    this.#count = Math.min(FIRST, options.most);
  }

  /** Entries of the next read, at least 1. */
  get count(): number {
    return this.#count;
  }

  /** Notes what came. */
  came(entries: number, bytes: number): void {
    if (entries === 0) return;
    const { most, bytes: allowed } = this.#options;
    const fit = Math.floor((allowed * entries) / Math.max(bytes, 1));
    this.#count = Math.max(1, Math.min(fit, 2 * this.#count, most));
  }

  /** Notes that a reply did not come. */
  failed(): void {
    this.#count = Math.max(1, Math.floor(this.#count / 2));
  }
}
