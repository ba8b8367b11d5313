import { isPartial } from '../../core/away-lanes.js';
import type { ShownDeadLetter } from '../../observe/dead-letters.js';
import { GroupWatch } from '../../observe/group-watch.js';
import type { ProcessView } from '../../observe/process-view.js';
import { Meter } from '../../observe/rate.js';
import type { ConsumerStatus, GroupStatus } from '../../observe/status.js';
import type { GroupVerdict, News } from '../../observe/verdict-input.js';

/** Readings kept for the sparklines: more than any terminal is wide. */
const MAX_READINGS = 500;
/** ms after which a reading is too old. */
const FRESH_FOR = 3_000;

/** A consumer and its rate. */
export interface ConsumerView extends ConsumerStatus {
  /** Messages processed per second since the reading before; NaN if that is not known. */
  readonly rate: number;
}

/** A process, and what it does per second; null if that is not known yet. */
export interface ProcessRow extends ProcessView {
  readonly rate: number | null;
  readonly failRate: number | null;
}

/** The content of the screen. */
export interface TopView {
  /** The last reading; undefined before the first. */
  readonly status: GroupStatus | undefined;
  readonly consumers: readonly ConsumerView[];
  readonly processes: readonly ProcessRow[];
  /** The newest dead letters, newest first. */
  readonly deadLetters: readonly ShownDeadLetter[];
  /** Messages per second, one for each reading, oldest first; NaN for a failed reading and for the first. */
  readonly rates: readonly number[];
  /** ms, one for each reading, oldest first; NaN for a failed reading. */
  readonly lags: readonly number[];
  /** Why the numbers are old; undefined if they are not. */
  readonly trouble: string | undefined;
  /** How the group is. */
  readonly verdict: GroupVerdict;
  /** To which channel and group the output belongs, if not to those of the settings. */
  readonly misnamed: string | undefined;
}

/** Collects readings of a group for the screen. Times are of the caller's monotonic clock, ms. */
export class TopHistory {
  readonly #interval: number;
  readonly #meter = new Meter();
  #meters = new Map<string, Meter>();
  readonly #rates: number[] = [];
  readonly #lags: number[] = [];
  readonly #watch: GroupWatch;
  /** The counts when it began. */
  #first: GroupStatus['counters'] | undefined;
  #last: Pick<TopView, 'status' | 'consumers' | 'processes' | 'deadLetters' | 'misnamed'> = {
    status: undefined,
    consumers: [],
    processes: [],
    deadLetters: [],
    misnamed: undefined,
  };
  #readAt: number;
  #failure: string | undefined;

  /** @param interval ms between two readings */
  constructor(interval: number, now: number) {
    this.#interval = interval;
    this.#watch = new GroupWatch(Math.max(FRESH_FOR, 2 * interval + 1_000));
    this.#readAt = now;
  }

  /** Adds a reading. */
  add(status: GroupStatus, deadLetters: readonly ShownDeadLetter[], now: number, misnamed?: string): void {
    // Sums without a lane say nothing of rates.
    const isWhole = !isPartial(status);
    const rate = isWhole ? this.#meter.rate(status.counters.processed, now) : undefined;
    this.#note(rate ?? Number.NaN, status.lagMs);
    const before = this.#meters;
    this.#meters = new Map(status.consumers.map(({ id }) => [id, before.get(id) ?? new Meter()]));
    const rateOf = ({ id, processed }: ConsumerStatus) => this.#meters.get(id)?.rate(processed, now) ?? 0;
    const consumers = status.consumers.map((one) => ({ ...one, rate: isWhole ? rateOf(one) : Number.NaN }));
    if (isWhole) this.#first ??= status.counters;
    this.#watch.add({ ...status, consumerCount: status.consumers.length }, now);
    const processes = status.processes.map((one) => ({ ...one, ...this.#watch.ratesOf(one) }));
    this.#last = { status, consumers, processes, deadLetters, misnamed };
    this.#readAt = now;
    this.#failure = undefined;
  }

  /** Notes a failed reading. */
  fail(reason: string): void {
    this.#note(Number.NaN, Number.NaN);
    this.#failure = reason;
  }

  view(now: number): TopView {
    const trouble = this.#trouble(now - this.#readAt);
    const verdict = this.#watch.verdict(
      now,
      trouble && (this.#failure ?? 'Redis does not answer'),
      this.#news,
    );
    return { ...this.#last, rates: this.#rates, lags: this.#lags, trouble, verdict };
  }

  /** What is new since it began. */
  get #news(): News | undefined {
    const [first, counters] = [this.#first, this.#last.status?.counters];
    if (!first || !counters) return undefined;
    const since = (name: 'gaps' | 'lost' | 'dropped' | 'revived' | 'dead') => counters[name] - first[name];
    const dead = since('dead') + since('revived');
    return {
      dead,
      gaps: since('gaps'),
      lost: since('lost'),
      dropped: since('dropped'),
      since: 'since top began',
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
    if (this.#rates.length <= MAX_READINGS) return;
    this.#rates.shift();
    this.#lags.shift();
  }
}
