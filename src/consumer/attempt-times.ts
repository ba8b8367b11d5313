import type { Prefetch } from './prefetch.js';

/** How long the attempts of one consumer take. */
export class AttemptTimes {
  readonly #prefetch: Prefetch;
  readonly #onAttempt: ((ms: number) => void) | undefined;
  #total = 0;

  constructor(prefetch: Prefetch, onAttempt: ((ms: number) => void) | undefined) {
    this.#prefetch = prefetch;
    this.#onAttempt = onAttempt;
  }

  /** ms of all attempts that have ended. */
  get total(): number {
    return this.#total;
  }

  add(ms: number): void {
    this.#total += ms;
    this.#prefetch.recordAttempt(ms);
    this.#onAttempt?.(ms);
  }

  /** Of many attempts in turn. */
  addAll(times: readonly number[]): void {
    if (times.length === 0) return;
    let sum = 0;
    for (const ms of times) {
      sum += ms;
      this.#onAttempt?.(ms);
    }
    this.#total += sum;
    this.#prefetch.recordAttempts(sum / times.length, times.length);
  }
}
