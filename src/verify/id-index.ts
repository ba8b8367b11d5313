/**
 * A Map takes no more than 2^24 keys, and doubles its memory whenever it is full: so many fill one to the
 * brim.
 */
const MOST_KEYS = 2 ** 22;

/**
 * Numbers texts in the order in which they first come: 0, 1, 2 … Whatever is known of each can then lie in
 * arrays of numbers: millions of ids fit in memory, where millions of objects would not.
 */
export class IdIndex {
  readonly #maps: Map<string, number>[] = [new Map()];
  #newest = this.#maps[0] as Map<string, number>;
  #size = 0;
  readonly #mostKeys: number;

  /** @param mostKeys of one Map, for tests */
  constructor(mostKeys = MOST_KEYS) {
    this.#mostKeys = mostKeys;
  }

  get size(): number {
    return this.#size;
  }

  get(id: string): number | undefined {
    for (const map of this.#maps) {
      const number = map.get(id);
      if (number !== undefined) return number;
    }
    return undefined;
  }

  /** The number of `id`, a new one if it is new. */
  add(id: string): number {
    const known = this.get(id);
    if (known !== undefined) return known;
    if (this.#newest.size >= this.#mostKeys) {
      this.#newest = new Map();
      this.#maps.push(this.#newest);
    }
    this.#newest.set(id, this.#size);
    return this.#size++;
  }

  /** All ids, in the order of their numbers. */
  *[Symbol.iterator](): Generator<string> {
    for (const map of this.#maps) yield* map.keys();
  }
}
