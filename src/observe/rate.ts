import type { GroupStatus } from './status.js';

/** What one line of the monitor says, of the whole group. */
export interface MonitorSample {
  /** ISO 8601, to the second. */
  readonly time: string;
  /** Messages processed per second since the sample before. */
  readonly rate: number;
  /** Messages processed since the group was made. */
  readonly total: number;
  readonly backlog: number;
  readonly pending: number;
  readonly retrying: number;
  readonly dead: number;
  readonly consumers: number;
}

/** Makes samples of readings: the rate is what was processed between two of them. */
export class Meter {
  #total: number | undefined;
  #at = 0;

  /** @param now the caller's monotonic clock, ms: Redis's own may be put back */
  sample(status: GroupStatus, now: number): MonitorSample {
    const total = status.counters.processed;
    const seconds = (now - this.#at) / 1000;
    // A database that was emptied meanwhile starts from 0 again.
    const done = this.#total === undefined || seconds <= 0 ? 0 : Math.max(0, total - this.#total) / seconds;
    this.#total = total;
    this.#at = now;
    return {
      time: `${status.time.slice(0, 19)}Z`,
      rate: Math.round(done),
      total,
      backlog: status.backlog,
      pending: status.pending,
      retrying: status.retrying,
      dead: status.counters.dead,
      consumers: status.consumers.length,
    };
  }
}

/** A sample as a line of text. */
export function monitorLine({ time, rate, ...numbers }: MonitorSample): string {
  const rest = Object.entries(numbers).map(([name, value]) => `${name}=${value}`);
  return `${time} ${rate} msg/s ${rest.join(' ')}`;
}
