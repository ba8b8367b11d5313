/** No more ms than this count between two looks. */
const MOST = 200;

/** For how long a thread has given no sign of life, as far as it was looked at. */
export class StallDetector {
  #pulse: number | undefined;
  #lookedAt = 0;
  #lasts = 0;

  /**
   * Time that passed unseen does not count: this thread was kept busy itself, or the whole machine slept.
   *
   * @param pulse changes as long as the thread is alive
   * @param now ms
   * @returns ms
   */
  look(pulse: number, now: number): number {
    this.#lasts = pulse === this.#pulse ? this.#lasts + Math.min(now - this.#lookedAt, MOST) : 0;
    this.#pulse = pulse;
    this.#lookedAt = now;
    return this.#lasts;
  }
}
