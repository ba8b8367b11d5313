import type { Prefetch } from './prefetch.js';

export interface AttemptTimesOptions {
  /** Called after each attempt with its duration, ms. */
  readonly onAttempt: ((ms: number) => void) | undefined;
  /** Called when it is known for the first time how long a message takes. */
  readonly onMeasured: () => void;
}

/** How long the attempts of one consumer take. */
export class AttemptTimes {
  readonly #prefetch: Prefetch;
  readonly #onAttempt: ((ms: number) => void) | undefined;
  /** Undefined after it was called. */
  #onMeasured: (() => void) | undefined;
  #total = 0;

  constructor(prefetch: Prefetch, { onAttempt, onMeasured }: AttemptTimesOptions) {
    this.#prefetch = prefetch;
    this.#onAttempt = onAttempt;
    this.#onMeasured = onMeasured;
  }

  /** ms of all attempts that have ended. */
  get total(): number {
    return this.#total;
  }

  add(ms: number): void {
    this.#total += ms;
    this.#prefetch.recordAttempt(ms);
    this.#onAttempt?.(ms);
    this.#measured();
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
    this.#measured();
  }

  #measured(): void {
    const onMeasured = this.#onMeasured;
    this.#onMeasured = undefined;
    onMeasured?.();
  }
}
