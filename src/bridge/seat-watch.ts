import type { Seat } from '../core/bridge-store.js';

/** A bridge that makes no mark for so many leases is dead, if others make some. */
const PATIENCE = 3;

/**
 * Finds the seat of a dead bridge: one that made no mark for three leases by the observer's own clock. If none makes a mark, one
 * lease is enough: then none of them may lead any more, and whatever is published is missed. No two clocks have to agree.
 */
export class SeatWatch {
  readonly #lease: number;
  #watched = new Map<string, { lastMark: string; since: number }>();
  #anyAlive = false;

  /** @param lease ms */
  constructor(lease: number) {
    this.#lease = lease;
  }

  /** Whether a bridge with a seat made a mark since the first observation. */
  get anyAlive(): boolean {
    return this.#anyAlive;
  }

  /** Compares the seats as they are at `now` (ms, monotonic) with those before. Returns the first dead one, if any. */
  observe(seats: readonly Seat[], now: number): Seat | undefined {
    const before = this.#watched;
    this.#watched = new Map();
    const silences = seats.map((seat) => {
      const old = before.get(seat.id);
      const since = old?.lastMark === seat.lastMark ? old.since : now;
      if (old && old.lastMark !== seat.lastMark) this.#anyAlive = true;
      this.#watched.set(seat.id, { lastMark: seat.lastMark, since });
      return now - since;
    });
    const allSilent = silences.every((silence) => silence >= this.#lease);
    const patience = allSilent ? this.#lease : PATIENCE * this.#lease;
    return seats[silences.findIndex((silence) => silence >= patience)];
  }
}
