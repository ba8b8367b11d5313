/** Gathers events that may come by the thousand, and tells of them once per period. */
export class Digest<T> {
  readonly #period: number;
  readonly #tell: (count: number, last: T) => void;
  #count = 0;
  #last: T | undefined;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param period ms
   * @param tell gets how many came since it was last called, and the last of them
   */
  constructor(period: number, tell: (count: number, last: T) => void) {
    this.#period = period;
    this.#tell = tell;
  }

  add(event: T): void {
    this.#count++;
    this.#last = event;
    this.#timer ??= setTimeout(() => this.flush(), this.#period);
  }

  /** Tells now what there is to tell. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#count === 0) return;
    const [count, last] = [this.#count, this.#last as T];
    this.#count = 0;
    this.#last = undefined;
    this.#tell(count, last);
  }
}
