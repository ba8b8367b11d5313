import { performance } from 'node:perf_hooks';
import { messageOf } from './errors.js';
import type { Logger } from './logger.js';

/** ms between two lines about a trouble that lasts. */
const REMIND_EVERY = 30_000;

/**
 * What is tried again and again fails again and again while Redis is away. It is told when that begins,
 * every 30 s while it lasts, and when it is over: a line for each try would bury all other lines.
 */
export class Trouble {
  readonly #log: Logger;
  readonly #what: string;
  #since: number | undefined;
  #told = 0;

  /** @param what is wrong, in words: `heartbeats fail` */
  constructor(log: Logger, what: string) {
    this.#log = log;
    this.#what = what;
  }

  failed(error: unknown): void {
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
