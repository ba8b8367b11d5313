/** Deleted places that may stay at the front of the list. */
const SLACK = 1_024;

/**
 * Values under sequence numbers that rise by one; each is deleted at some time. Not a Map, for the reason given at
 * `InFlight`: a Map that is filled and emptied all the time keeps deleted values alive.
 */
export class SequenceMap<T> {
  #list: (T | undefined)[] = [];
  /** The number of the first place in the list. */
  #first = 0;
  /** All places before this index are deleted. */
  #start = 0;

  /** @param number the one after the last appended number, as 32 bits; any number if the map is empty */
  append(number: number, value: T): void {
    if (this.#start === this.#list.length) {
      this.clear();
      this.#first = number;
    }
    this.#list.push(value);
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
      const value = this.#list[index];
      if (value !== undefined) yield value;
    }
  }

  #indexOf(number: number): number {
    return (number - this.#first) | 0;
  }
}
