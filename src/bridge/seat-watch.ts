import type { Seat } from '../core/bridge-store.js';

/**
 * Finds the seat of a bridge that is dead: it has made no mark for `patience` ms on the
 * observer's own clock. No two clocks have to agree.
 */
export class SeatWatch {
  readonly #patience: number;
  #known = new Map<string, { lastMark: string; since: number }>();
  #alive = false;

  constructor(patience: number) {
    this.#patience = patience;
  }

  /** Whether any seat was seen to be in use. */
  get alive(): boolean {
    return this.#alive;
  }

  /** Takes in what was seen at `now` (ms, monotonic), and names a dead seat if there is one. */
  observe(seats: readonly Seat[], now: number): Seat | undefined {
    const before = this.#known;
    this.#known = new Map();
    let dead: Seat | undefined;
    for (const seat of seats) {
      const old = before.get(seat.id);
      const since = old?.lastMark === seat.lastMark ? old.since : now;
      if (old && old.lastMark !== seat.lastMark) this.#alive = true;
      this.#known.set(seat.id, { lastMark: seat.lastMark, since });
      if (!dead && now - since >= this.#patience) dead = seat;
    }
    return dead;
  }
}
