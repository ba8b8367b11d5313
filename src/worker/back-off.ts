/** ms, doubled after each failure up to the longest wait. */
interface Waits {
  readonly first: number;
  readonly longest: number;
}

/** After a broken connection the group waits half a second for this worker. */
const BROKEN: Waits = { first: 100, longest: 5_000 };
/** The same will happen again until a person changes something. */
const REFUSED: Waits = { first: 5_000, longest: 30_000 };
/** ms after which a connection counts as a good one. */
const GOOD = 5_000;

/** How long to wait before the next connection. */
export class BackOff {
  readonly #random: () => number;
  #failures = 0;

  /** @param random from 0 to 1 */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /**
   * ms to wait after a connection has ended, or could not be made. Half of it is by chance: workers must not come back all
   * at once.
   *
   * @param stood ms for which there was a connection
   */
  next(refused: boolean, stood: number): number {
    if (stood >= GOOD) this.#failures = 0;
    const { first, longest } = refused ? REFUSED : BROKEN;
    const wait = Math.min(first * 2 ** this.#failures, longest);
    this.#failures = Math.min(this.#failures + 1, 16);
    return wait * (0.5 + this.#random() / 2);
  }
}
