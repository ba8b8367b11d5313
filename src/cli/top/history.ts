import type { ShownDeadLetter } from '../../observe/dead-letters.js';
import { Meter } from '../../observe/rate.js';
import type { ConsumerStatus, GroupStatus } from '../../observe/status.js';

/** Readings kept for the sparklines: no terminal is wider. */
const KEPT = 500;

/** A consumer, and how much it got done lately. */
export interface ConsumerView extends ConsumerStatus {
  /** Messages processed per second since the reading before. */
  readonly rate: number;
}

/** All that the screen shows. */
export interface TopView {
  /** The last reading that came, undefined before the first. */
  readonly status: GroupStatus | undefined;
  readonly consumers: readonly ConsumerView[];
  /** The newest dead letters, newest first. */
  readonly letters: readonly ShownDeadLetter[];
  /** Messages per second, one for each reading, oldest first; NaN where none came. */
  readonly rates: readonly number[];
  /** ms, likewise. */
  readonly lags: readonly number[];
  /** Why what is shown is not of now; undefined where it is. */
  readonly trouble: string | undefined;
  /** What the output belongs to, where it is not what was asked for. */
  readonly misnamed: string | undefined;
}

/** Gathers readings of a group into what the screen shows. Times are the caller's monotonic clock, ms. */
export class History {
  readonly #interval: number;
  readonly #meter = new Meter();
  #meters = new Map<string, Meter>();
  readonly #rates: number[] = [];
  readonly #lags: number[] = [];
  #status: GroupStatus | undefined;
  #letters: readonly ShownDeadLetter[] = [];
  #consumers: readonly ConsumerView[] = [];
  #seenAt: number;
  #failure: string | undefined;
  #misnamed: string | undefined;

  /** @param interval ms between two readings */
  constructor(interval: number, now: number) {
    this.#interval = interval;
    this.#seenAt = now;
  }

  /** A reading came. */
  seen(status: GroupStatus, letters: readonly ShownDeadLetter[], now: number, misnamed?: string): void {
    this.#note(this.#meter.rate(status.counters.processed, now) ?? Number.NaN, status.lagMs);
    const before = this.#meters;
    this.#meters = new Map(status.consumers.map(({ id }) => [id, before.get(id) ?? new Meter()]));
    this.#consumers = status.consumers.map((one) => ({
      ...one,
      rate: this.#meters.get(one.id)?.rate(one.processed, now) ?? 0,
    }));
    this.#status = status;
    this.#letters = letters;
    this.#seenAt = now;
    this.#failure = undefined;
    this.#misnamed = misnamed;
  }

  /** A reading failed. */
  failed(reason: string): void {
    this.#note(Number.NaN, Number.NaN);
    this.#failure = reason;
  }

  view(now: number): TopView {
    return {
      status: this.#status,
      consumers: this.#consumers,
      letters: this.#letters,
      rates: this.#rates,
      lags: this.#lags,
      trouble: this.#trouble(now - this.#seenAt),
      misnamed: this.#misnamed,
    };
  }

  #trouble(silence: number): string | undefined {
    const late = silence > 2 * this.#interval + 1_000;
    if (!this.#failure && !late) return undefined;
    const what = `no numbers for ${Math.round(silence / 1_000)} s`;
    return `${what}: ${this.#failure ?? 'Redis does not answer'}`;
  }

  #note(rate: number, lag: number): void {
    this.#rates.push(rate);
    this.#lags.push(lag);
    if (this.#rates.length <= KEPT) return;
    this.#rates.shift();
    this.#lags.shift();
  }
}
