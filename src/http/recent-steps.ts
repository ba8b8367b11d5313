import { type Histogram, quantileOf } from '../observe/histogram.js';
import type { StepName } from '../observe/process-stats.js';

/** p50 and p99 of each step, seconds; a step that no result has had is left out. */
export type StepsPoint = Partial<Record<StepName, { readonly p50: number; readonly p99: number }>>;

/** How long the steps of the results took that came since the last look. */
export class RecentSteps {
  readonly #steps: ReadonlyMap<StepName, Histogram>;
  readonly #before = new Map<StepName, Float64Array>();

  constructor(steps: ReadonlyMap<StepName, Histogram>) {
    this.#steps = steps;
  }

  /** Undefined if no result with the times of its steps came. */
  next(): StepsPoint | undefined {
    const found: [StepName, { p50: number; p99: number }][] = [];
    for (const [step, { bounds, counts }] of this.#steps) {
      const before = this.#before.get(step);
      const since = counts.map((count, i) => count - (before?.[i] ?? 0));
      this.#before.set(step, counts.slice());
      const [p50, p99] = [quantileOf(bounds, since, 0.5), quantileOf(bounds, since, 0.99)];
      if (p50 !== undefined && p99 !== undefined) found.push([step, { p50, p99 }]);
    }
    return found.length > 0 ? Object.fromEntries(found) : undefined;
  }
}
