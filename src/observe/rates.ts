/** ms over which a rate is taken. */
const WINDOW = 5_000;
const MOST_SAMPLES = 50;

interface Sample {
  readonly at: number;
  readonly count: number;
}

/** How fast many counters grow, each known by its name. A counter that is not among the last that were added is forgotten. */
export class Rates {
  #samples = new Map<string, Sample[]>();

  /** @param counters name, count, and when it was counted: ms of any clock */
  add(counters: Iterable<readonly [name: string, count: number, at: number]>): void {
    const next = new Map<string, Sample[]>();
    for (const [name, count, at] of counters) {
      const samples = this.#samples.get(name) ?? [];
      const last = samples.at(-1);
      // A counter that falls, or a clock that was put back, begins anew.
      if (last && (count < last.count || at < last.at)) samples.length = 0;
      if (!last || at !== last.at) samples.push({ at, count });
      while (samples.length > MOST_SAMPLES || at - (samples[1]?.at ?? at) >= WINDOW) samples.shift();
      next.set(name, samples);
    }
    this.#samples = next;
  }

  /** Per second, over about 5 s; null with less than two counts. */
  of(name: string): number | null {
    const samples = this.#samples.get(name);
    const [first, last] = [samples?.[0], samples?.at(-1)];
    if (!first || !last || last.at <= first.at) return null;
    return Math.round(((last.count - first.count) * 10_000) / (last.at - first.at)) / 10;
  }
}
