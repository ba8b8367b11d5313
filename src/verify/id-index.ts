/** A Map holds at most 2^24 keys, and doubles its memory when it is full: with this many it is just full. */
const MOST_KEYS = 2 ** 22;

/**
 * Numbers ids in the order of their first appearance: 0, 1, 2 … What is known of each id then fits in arrays of
 * numbers: memory holds millions of ids, but not millions of objects.
 */
export class IdIndex {
  readonly #maps: Map<string, number>[] = [new Map()];
  #newest = this.#maps[0] as Map<string, number>;
  #size = 0;
  readonly #mostKeys: number;

  /** @param mostKeys limit of one Map, for tests */
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

  /** The number of `id`: the next one, if the id is new. */
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
