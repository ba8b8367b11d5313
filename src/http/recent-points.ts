import type { GroupTotals } from '../observe/status.js';

/** How a group did at one moment. */
export interface Point {
  /** ms since 1970, Redis's clock. */
  readonly time: number;
  /** Messages relayed, and processed, per second since the point before. */
  readonly relayed: number;
  readonly processed: number;
  readonly lagMs: number;
  readonly backlog: number;
}

/** The points of the last minutes, so that a page that is opened late shows what was before. */
export class RecentPoints {
  readonly #most: number;
  #points: Point[] = [];
  #last: { readonly relayed: number; readonly processed: number; readonly at: number } | undefined;

  /** @param most points kept */
  constructor(most: number) {
    this.#most = most;
  }

  get points(): readonly Point[] {
    return this.#points;
  }

  /**
   * Adds a point; the first reading makes none, because a rate takes two.
   *
   * @param now the caller's monotonic clock, ms: Redis's own may be put back
   */
  add(totals: Pick<GroupTotals, 'time' | 'counters' | 'lagMs' | 'backlog'>, now: number): Point | undefined {
    const { relayed, processed } = totals.counters;
    const last = this.#last;
    this.#last = { relayed, processed, at: now };
    if (!last || now <= last.at) return undefined;
    // A database that was emptied meanwhile starts from 0 again.
    const rate = (count: number, before: number) =>
      Math.round((Math.max(0, count - before) * 1_000) / (now - last.at));
    const point = {
      time: Date.parse(totals.time),
      relayed: rate(relayed, last.relayed),
      processed: rate(processed, last.processed),
      lagMs: totals.lagMs,
      backlog: totals.backlog,
    };
    this.#points.push(point);
    if (this.#points.length > this.#most) this.#points.shift();
    return point;
  }
}
