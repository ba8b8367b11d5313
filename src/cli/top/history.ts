import type { ShownDeadLetter } from '../../observe/dead-letter.js';
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
  readonly #rates: number[] = [];
  readonly #lags: number[] = [];
  #status: GroupStatus | undefined;
  #letters: readonly ShownDeadLetter[] = [];
  #rateOf = new Map<string, number>();
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
    const { rate } = this.#meter.sample(status, now);
    this.#rateOf = ratesOf(this.#status, status, now - this.#seenAt);
    // A rate takes two readings.
    this.#note(this.#status ? rate : Number.NaN, status.lagMs);
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
    const status = this.#status;
    return {
      status,
      consumers: (status?.consumers ?? []).map((one) => ({ ...one, rate: this.#rateOf.get(one.id) ?? 0 })),
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

function ratesOf(before: GroupStatus | undefined, now: GroupStatus, elapsed: number): Map<string, number> {
  const processed = new Map(before?.consumers.map((one) => [one.id, one.processed]));
  return new Map(
    now.consumers.map((one) => {
      // Of one that was not there before, and in a database that was emptied meanwhile, nothing is known yet.
      const done = one.processed - (processed.get(one.id) ?? one.processed);
      return [one.id, elapsed > 0 ? Math.max(0, Math.round((done * 1_000) / elapsed)) : 0];
    }),
  );
}
