import { setTimeout as sleep } from 'node:timers/promises';

/** Bytes that one connection sends before it is the turn of the others. */
const PIECE = 4_096;

/** One direction of a slow link. All its connections share the link, in turn. */
export class Throttle {
  #bytesPerSecond;
  /** When all that was let through has arrived, on performance.now(). */
  #freeAt = 0;

  constructor(bytesPerSecond) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** The link is fast from now on, also for what it holds. */
  open() {
    this.#bytesPerSecond = Infinity;
    this.#freeAt = 0;
  }

  /** The pieces of a chunk, each when the link has carried it. */
  async *pieces(chunk) {
    for (let from = 0; from < chunk.length; from += PIECE) {
      const piece = chunk.subarray(from, from + PIECE);
      const now = performance.now();
      this.#freeAt = Math.max(this.#freeAt, now) + (piece.length / this.#bytesPerSecond) * 1_000;
      // A timer is up to 1 ms late: what is short of that is waited for with the next piece.
      if (this.#freeAt - now >= 1) await sleep(this.#freeAt - now);
      yield piece;
    }
  }
}
