import { performance } from 'node:perf_hooks';
import type { Logger } from './logger.js';
import { REMIND_EVERY } from './throttle.js';

/** ms during which nothing must succeed before it is told: a retry that helps is nobody's business. */
export const TELL_AFTER = 1_000;
/** So many failures are again and again. */
const AGAIN = 2;

/** An attempt that failed, and will be made again. */
export interface FailedAttempt {
  readonly consumerId: string;
  readonly inboxId: string;
  readonly attempt: number;
  readonly reason: string;
  readonly error: string;
}

/**
 * A processor that fails whatever it is given: dead letters tell of it only when the first messages have had all their
 * attempts, with the waits between them. So it is told when nothing succeeds for a second, every 30 s, and when
 * something succeeds again. One that fails now and then is not told, however often; nor is one that begins again within 30 s.
 */
export class Failing {
  readonly #log: Logger;
  /** Attempts that failed since one succeeded. */
  #count = 0;
  #since = 0;
  #last: FailedAttempt | undefined;
  #timer: NodeJS.Timeout | undefined;
  #toldAt = Number.NEGATIVE_INFINITY;
  /** Whether what is so now was told. */
  #told = false;
  #stopped = false;

  constructor(log: Logger) {
    this.#log = log;
  }

  failed(attempt: FailedAttempt): void {
    if (this.#stopped) return;
    if (this.#count++ === 0) this.#since = performance.now();
    this.#last = attempt;
    // It keeps no process alive.
    this.#timer ??= setTimeout(() => this.#look(), Math.max(TELL_AFTER, this.#quietFor)).unref();
  }

  succeeded(): void {
    if (this.#count === 0) return;
    if (this.#told) this.#log.info({}, `over after ${this.#seconds} s: no attempt succeeds`);
    this.#forget();
  }

  /** Nothing is told any more. */
  stop(): void {
    this.#stopped = true;
    this.#forget();
  }

  #forget(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#count = 0;
    this.#told = false;
  }

  get #seconds(): string {
    return ((performance.now() - this.#since) / 1_000).toFixed(1);
  }

  /** ms until a line may be written again. */
  get #quietFor(): number {
    return this.#toldAt + REMIND_EVERY - performance.now();
  }

  #look(): void {
    this.#timer = undefined;
    if (!this.#last || this.#count < AGAIN) return;
    const { consumerId: consumer, inboxId, attempt, reason, error } = this.#last;
    const count = this.#count;
    this.#told = true;
    this.#toldAt = performance.now();
    this.#log.warn(
      { count, consumer, inboxId, attempt, reason },
      `no attempt succeeds: ${count} failed in ${this.#seconds} s, trying again; the last one (${reason}): ${error}`,
    );
  }
}
