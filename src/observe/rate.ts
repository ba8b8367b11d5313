import type { GroupStatus } from './status.js';

/** Measures how fast a counter grows. */
export class Meter {
  readonly #scale: number;
  #count: number | undefined;
  #at = 0;

  /** @param digits after the point, of a rate */
  constructor(digits = 0) {
    this.#scale = 10 ** digits;
  }

  /**
   * Takes a reading of the counter.
   *
   * @param now monotonic clock of this process, ms: Redis's own may be put back
   * @returns what was counted per second since the reading before; undefined for the first reading, and for two at one moment
   */
  rate(count: number, now: number): number | undefined {
    const [before, elapsed] = [this.#count, now - this.#at];
    this.#count = count;
    this.#at = now;
    if (before === undefined || elapsed <= 0) return undefined;
    // An emptied database counts from 0 again.
    return Math.round((Math.max(0, count - before) * 1_000 * this.#scale) / elapsed) / this.#scale;
  }
}

/**
 * The numbers of one line of the monitor, of the whole group.
 *
 * @param rate messages processed per second since the sample before; null if that is not known
 */
export function monitorSample(status: GroupStatus, rate: number | null) {
  const { counters, backlog, pending, retrying, consumers, awayLanes = [] } = status;
  return {
    time: `${status.time.slice(0, 19)}Z`, // to the second
    rate,
    total: counters.processed,
    backlog,
    pending,
    retrying,
    dead: counters.dead,
    consumers: consumers.length,
    // The numbers leave them out.
    ...(awayLanes.length > 0 && { awayLanes }),
  };
}

/** A sample as a line of text. */
export function monitorLine({ time, rate, ...numbers }: ReturnType<typeof monitorSample>): string {
  const rest = Object.entries(numbers).map(([name, value]) => `${name}=${value}`);
  return `${time} ${rate ?? '?'} msg/s ${rest.join(' ')}`;
}
