/** The time between two calls counts for at most so many ms. */
const MOST = 200;

/** Measures for how long a thread has given no sign of life. */
export class StallDetector {
  #pulse: number | undefined;
  #calledAt = 0;
  #silence = 0;

  /**
   * Long times between two calls do not count: then this thread was busy itself, or the machine slept.
   *
   * @param pulse changes as long as the thread is alive
   * @param now ms
   * @returns ms without a change of the pulse
   */
  silence(pulse: number, now: number): number {
    this.#silence = pulse === this.#pulse ? this.#silence + Math.min(now - this.#calledAt, MOST) : 0;
    this.#pulse = pulse;
    this.#calledAt = now;
    return this.#silence;
  }
}
