/** Counts values by size: what a histogram is made of. Counting one costs no memory, and a few comparisons. */
export class Histogram {
  /** The upper bounds, ascending. */
  readonly bounds: readonly number[];
  /** How many values lie above the bound before and not above their own; the last count has no bound. */
  readonly counts: Float64Array;
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  /** The sum of all values. */
  get sum(): number {
    return this.#sum;
  }

  /** Counts a value, as often as it came. */
  observe(value: number, times = 1): void {
    const { bounds, counts } = this;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] as number)) at++;
    counts[at] = (counts[at] as number) + times;
    this.#sum += value * times;
  }
}
