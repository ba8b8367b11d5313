import { Meter } from '../observe/rate.js';
import type { GroupTotals } from '../redis/reading.js';

/** The state of a group at one moment. */
export interface Point {
  /** ms since 1970, Redis's clock. */
  readonly time: number;
  /** Messages relayed, and processed, per second since the point before. */
  readonly relayed: number;
  readonly processed: number;
  readonly lagMs: number;
  readonly backlog: number;
}

/** The points of the last minutes: a page that is opened later shows them too. */
export class RecentPoints {
  readonly #most: number;
  readonly #relayed = new Meter();
  readonly #processed = new Meter();
  #points: Point[] = [];

  /** @param most points kept */
  constructor(most: number) {
    this.#most = most;
  }

  get points(): readonly Point[] {
    return this.#points;
  }

  /**
   * Adds a point. The first reading makes none, because a rate takes two.
   *
   * @param now monotonic clock of this process, ms
   */
  add(totals: Pick<GroupTotals, 'time' | 'counters' | 'lagMs' | 'backlog'>, now: number): Point | undefined {
    const relayed = this.#relayed.rate(totals.counters.relayed, now);
    const processed = this.#processed.rate(totals.counters.processed, now);
    if (relayed === undefined || processed === undefined) return undefined;
    const { lagMs, backlog } = totals;
    const point = { time: Date.parse(totals.time), relayed, processed, lagMs, backlog };
    this.#points.push(point);
    if (this.#points.length > this.#most) this.#points.shift();
    return point;
  }
}
