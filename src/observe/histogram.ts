/** Counts values by size. Counting one costs no memory, and a few comparisons. */
export class Histogram {
  /** The upper bounds, ascending. */
  readonly bounds: readonly number[];
  /** The number of values for each bound: above the bound before it, up to itself; the last one is above all bounds. */
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

  /** Counts a value, which came `times` times. */
  observe(value: number, times = 1): void {
    const { bounds, counts } = this;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] as number)) at++;
    counts[at] = (counts[at] as number) + times;
    this.#sum += value * times;
  }
}
