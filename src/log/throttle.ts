import { performance } from 'node:perf_hooks';
import { CgroupError, type ErrorCode, messageOf } from '../core/errors.js';
import type { Logger } from './logger.js';

/** ms between two lines about something that lasts. */
export const REMIND_EVERY = 30_000;

/** Codes of errors that mean: Redis does not answer. */
const AWAY: ReadonlySet<ErrorCode> = new Set(['REDIS_UNREACHABLE', 'OUTCOME_UNKNOWN']);

export interface ThrottledLogOptions<T> {
  /** ms from the first event to the first line; default 0: at once. */
  readonly delay?: number;
  /** ms from one line to the next, at least; default 0. With a delay, this also holds across {@link ThrottledLog.over}. */
  readonly interval?: number;
  /** Fewer events than this are not written; default 1. */
  readonly least?: number;
  /** Which events count; the others are only passed to `between`. Default: all. */
  readonly counts?: (event: T) => boolean;
  /**
   * Writes the line.
   *
   * @param count events since the last line, or, if `over` is given, since the first event
   * @param last the newest of them
   * @param forMs ms since the first of them
   */
  readonly write: (count: number, last: T, forMs: number) => void;
  /** Gets each event that has no line of its own. If it is missing, a timer has them written together. */
  readonly between?: (event: T) => void;
  /** Writes that a condition has ended, if there was a line about it. The events are counted until then. */
  readonly over?: (forMs: number) => void;
}

/** Writes few lines about events that may come by the thousand. Its timer keeps no process alive. */
export class ThrottledLog<T> {
  readonly #options: ThrottledLogOptions<T>;
  #count = 0;
  #last: T | undefined;
  /** When the first of the counted events came: ms of the monotonic clock. */
  #since = 0;
  #writtenAt = Number.NEGATIVE_INFINITY;
  /** Whether there was a line about the condition that lasts now. */
  #written = false;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: ThrottledLogOptions<T>) {
    this.#options = options;
  }

  add(event: T, count = 1): void {
    const { delay = 0, interval = 0, counts, between } = this.#options;
    if (this.#stopped) return;
    if (counts?.(event) === false) {
      between?.(event);
      return;
    }
    const now = performance.now();
    if (this.#count === 0) this.#since = now;
    this.#count += count;
    this.#last = event;
    const wait = Math.max(delay, this.#writtenAt + interval - now);
    if (wait <= 0) this.#write();
    else if (between) between(event);
    else this.#timer ??= setTimeout(() => this.#write(), wait).unref();
  }

  /** Ends the condition: the next event begins another one. */
  over(): void {
    if (this.#count === 0) return;
    const written = this.#written;
    this.#forget();
    if (!this.#options.delay) this.#writtenAt = Number.NEGATIVE_INFINITY;
    if (written) this.#options.over?.(performance.now() - this.#since);
  }

  /** Writes now what waits for the timer. */
  flush(): void {
    if (this.#timer) this.#write();
  }

  /** Drops what is not written; events that come later are ignored. */
  stop(): void {
    this.#stopped = true;
    this.#forget();
  }

  #write(): void {
    const { least = 1, write, over } = this.#options;
    this.#clearTimer();
    if (this.#count < least) return;
    const [count, last] = [this.#count, this.#last as T];
    const now = performance.now();
    this.#writtenAt = now;
    if (over) this.#written = true;
    else this.#forget();
    write(count, last, now - this.#since);
  }

  #forget(): void {
    this.#clearTimer();
    this.#count = 0;
    this.#last = undefined;
    this.#written = false;
  }

  #clearTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/**
 * For what is tried until it succeeds: `add(error)` when it fails, `over()` when it succeeds. A warning when that begins
 * and every 30 s while it lasts, a line when it is over; the failures between are at debug level.
 *
 * @param what fails: `heartbeats fail`
 * @param away the level of a failure because Redis does not answer: debug if other parts already warn of that
 */
export function repeatedFailures(
  log: Logger,
  what: string,
  away: 'warn' | 'debug' = 'debug',
): ThrottledLog<unknown> {
  const line = (error: unknown) => [{ error }, `${what}, trying again: ${messageOf(error)}`] as const;
  return new ThrottledLog<unknown>({
    interval: REMIND_EVERY,
    counts: (error) => away === 'warn' || !(error instanceof CgroupError && AWAY.has(error.code)),
    write: (_count, error) => log.warn(...line(error)),
    between: (error) => log.debug(...line(error)),
    over: lineWhenOver(log, what),
  });
}

/**
 * For what is counted and may come again and again: a warning at once, and every 30 s while it goes on.
 *
 * @param lineOf the line about so many
 * @param delay ms from the first one to the first line
 */
export function repeatedWarnings(
  log: Logger,
  lineOf: (count: number) => [fields: object, text: string],
  delay = 0,
): ThrottledLog<void> {
  return new ThrottledLog<void>({
    delay,
    interval: REMIND_EVERY,
    write: (count) => log.warn(...lineOf(count)),
  });
}

/** What `over` writes: `over after 2.5 s: heartbeats fail`. */
export function lineWhenOver(log: Logger, what: string): (forMs: number) => void {
  return (forMs) => log.info({}, `over after ${inSeconds(forMs)}: ${what}`);
}

/** `2.5 s` */
export function inSeconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
