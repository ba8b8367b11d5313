import { performance } from 'node:perf_hooks';
import { CgroupError, type ErrorCode, messageOf } from '../core/errors.js';
import type { Logger } from './logger.js';

/** ms between two lines about a trouble that lasts. */
export const REMIND_EVERY = 30_000;

/** What is said of a Redis that does not answer. */
const AWAY: ReadonlySet<ErrorCode> = new Set(['REDIS_UNREACHABLE', 'OUTCOME_UNKNOWN']);

/**
 * What is tried again and again fails again and again while Redis is away or refuses it. It is told when that
 * begins, every 30 s while it lasts, and when it is over: a line for each try would bury all other lines.
 */
export class Trouble {
  readonly #log: Logger;
  readonly #what: string;
  readonly #tellsAway: boolean;
  #since: number | undefined;
  #told = 0;

  /**
   * @param what is wrong, in words: `heartbeats fail`
   * @param tellsAway false where it is enough that others tell that Redis does not answer
   */
  constructor(log: Logger, what: string, tellsAway = true) {
    this.#log = log;
    this.#what = what;
    this.#tellsAway = tellsAway;
  }

  failed(error: unknown): void {
    if (!this.#tellsAway && error instanceof CgroupError && AWAY.has(error.code)) {
      this.#log.debug({ error }, `${this.#what}, trying again: ${error.message}`);
      return;
    }
    const now = performance.now();
    this.#since ??= now;
    const loud = this.#since === now || now - this.#told >= REMIND_EVERY;
    if (loud) this.#told = now;
    this.#log[loud ? 'warn' : 'debug']({ error }, `${this.#what}, trying again: ${messageOf(error)}`);
  }

  succeeded(): void {
    if (this.#since === undefined) return;
    const seconds = ((performance.now() - this.#since) / 1_000).toFixed(1);
    this.#since = undefined;
    this.#log.info({}, `over after ${seconds} s: ${this.#what}`);
  }
}
