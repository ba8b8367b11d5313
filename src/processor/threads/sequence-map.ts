/** So many that have gone are kept at the front, for no more than moving what is left costs. */
const SLACK = 1_024;

/**
 * Things under numbers that rise by one, each of which goes in its time. It is no Map, for the reason that `Holdings` has: a Map
 * that is filled and emptied all the time keeps alive what has gone.
 */
export class SequenceMap<T> {
  #list: (T | undefined)[] = [];
  /** The number of the first in the list. */
  #first = 0;
  /** Before this index all have gone. */
  #start = 0;

  /** @param number that of the one before and one, as 32 bits, unless there is none */
  add(number: number, thing: T): void {
    if (this.#start === this.#list.length) {
      this.clear();
      this.#first = number;
    }
    this.#list.push(thing);
  }

  get(number: number): T | undefined {
    return this.#list[this.#indexOf(number)];
  }

  delete(number: number): void {
    const index = this.#indexOf(number);
    if (this.#list[index] === undefined) return;
    this.#list[index] = undefined;
    while (this.#start < this.#list.length && this.#list[this.#start] === undefined) this.#start++;
    if (this.#start < SLACK || 2 * this.#start < this.#list.length) return;
    this.#list = this.#list.slice(this.#start);
    this.#first = (this.#first + this.#start) | 0;
    this.#start = 0;
  }

  clear(): void {
    this.#list.length = 0;
    this.#start = 0;
  }

  /** In the order of their numbers. */
  *[Symbol.iterator](): Iterator<T> {
    for (let index = this.#start; index < this.#list.length; index++) {
      const thing = this.#list[index];
      if (thing !== undefined) yield thing;
    }
  }

  #indexOf(number: number): number {
    return (number - this.#first) | 0;
  }
}
