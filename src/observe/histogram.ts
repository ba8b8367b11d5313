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

/**
 * The value that a part of all values does not exceed, from 0 to 1; interpolated below its bound, as Prometheus does. Values above all
 * bounds count as the last one. Undefined if there are no values.
 *
 * @param counts one for each bound, and one for what is above
 */
export function quantileOf(
  bounds: readonly number[],
  counts: ArrayLike<number>,
  part: number,
): number | undefined {
  let total = 0;
  for (let i = 0; i < counts.length; i++) total += counts[i] as number;
  if (total === 0) return undefined;
  const rank = part * total;
  let below = 0;
  for (const [i, bound] of bounds.entries()) {
    const here = counts[i] as number;
    const least = bounds[i - 1] ?? 0;
    if (here > 0 && below + here >= rank) return least + ((bound - least) * (rank - below)) / here;
    below += here;
  }
  return bounds.at(-1);
}
