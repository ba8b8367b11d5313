import type { Seat } from '../core/bridge-store.js';

/**
 * Finds the seat of a dead bridge: one that made no mark for `patience` ms by the observer's own clock. No two clocks
 * have to agree.
 */
export class SeatWatch {
  readonly #patience: number;
  #watched = new Map<string, { lastMark: string; since: number }>();
  #anyAlive = false;

  constructor(patience: number) {
    this.#patience = patience;
  }

  /** Whether a bridge with a seat made a mark since the first observation. */
  get anyAlive(): boolean {
    return this.#anyAlive;
  }

  /** Compares the seats as they are at `now` (ms, monotonic) with those before. Returns the first dead one, if any. */
  observe(seats: readonly Seat[], now: number): Seat | undefined {
    const before = this.#watched;
    this.#watched = new Map();
    let dead: Seat | undefined;
    for (const seat of seats) {
      const old = before.get(seat.id);
      const since = old?.lastMark === seat.lastMark ? old.since : now;
      if (old && old.lastMark !== seat.lastMark) this.#anyAlive = true;
      this.#watched.set(seat.id, { lastMark: seat.lastMark, since });
      if (!dead && now - since >= this.#patience) dead = seat;
    }
    return dead;
  }
}
