/** So many places at the front may be empty. */
const MOST_EMPTY = 1_000;

/** What waits for its turn, in order. What ends while it waits is skipped when its turn comes. */
export class WaitingLine<T extends { readonly ended: boolean }> {
  #list: (T | undefined)[] = [];
  /** Places at the front that are empty. */
  #empty = 0;
  /** How many in the list have ended. */
  #ended = 0;

  /** The one whose turn it is. */
  get first(): T | undefined {
    for (;;) {
      const item = this.#list[this.#empty];
      if (!item?.ended) return item;
      this.#ended--;
      this.shift();
    }
  }

  push(item: T): void {
    this.#list.push(item);
  }

  /** Takes the first one away. */
  shift(): void {
    this.#list[this.#empty++] = undefined;
    if (this.#empty === this.#list.length || this.#empty > MOST_EMPTY) this.#tidy();
  }

  /** These come before all others. */
  unshift(items: readonly T[]): void {
    this.#list = [...items, ...this.takeAll()];
  }

  /** One that waits has ended. */
  onEnded(): void {
    this.#ended++;
    if (this.#ended > (this.#list.length - this.#empty) / 2) this.#tidy();
  }

  takeAll(): T[] {
    const all = this.#list.filter((item): item is T => item?.ended === false);
    this.#list = [];
    this.#tidy();
    return all;
  }

  #tidy(): void {
    this.#list = this.#list.filter((item) => item?.ended === false);
    this.#empty = 0;
    this.#ended = 0;
  }
}
