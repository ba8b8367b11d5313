import { Meter } from '../observe/rate.js';
import type { GroupTotals } from '../redis/reading.js';
import type { StepsPoint } from './recent-steps.js';

/** The state of a group at one moment. */
export interface Point {
  /** ms since 1970, Redis's clock. */
  readonly time: number;
  /** Messages relayed, and processed, per second since the point before. */
  readonly relayed: number;
  readonly processed: number;
  readonly lagMs: number;
  readonly backlog: number;
  /** How long the steps of the results of this process took since the point before; only with an order or a record. */
  readonly steps?: StepsPoint;
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
   * @param steps of the results since the point before
   */
  add(
    totals: Pick<GroupTotals, 'time' | 'counters' | 'lagMs' | 'backlog'>,
    now: number,
    steps?: StepsPoint,
  ): Point | undefined {
    const relayed = this.#relayed.rate(totals.counters.relayed, now);
    const processed = this.#processed.rate(totals.counters.processed, now);
    if (relayed === undefined || processed === undefined) return undefined;
    const { lagMs, backlog } = totals;
    const point = {
      time: Date.parse(totals.time),
      relayed,
      processed,
      lagMs,
      backlog,
      ...(steps && { steps }),
    };
    this.#points.push(point);
    if (this.#points.length > this.#most) this.#points.shift();
    return point;
  }
}
