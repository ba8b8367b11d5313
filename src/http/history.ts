import { type Histogram, quantileOf } from '../observe/histogram.js';
import type { ProcessStats } from '../observe/process-stats.js';
import { Meter } from '../observe/rate.js';
import type { LiveTotals } from '../observe/status.js';
import { RecentSteps, type StepsPoint } from './recent-steps.js';

/** ms from the relay of results to the output. */
interface Latency {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** The state of a group at one moment, or in one minute. Without a reading all is null: a hole. */
export interface Point {
  /** ms since 1970, Redis's clock. */
  readonly time: number;
  /** Messages relayed and processed, attempts that failed and messages that died, per second since the point before. */
  readonly relayed: number | null;
  readonly processed: number | null;
  readonly failed: number | null;
  readonly dead: number | null;
  /** Of a minute: the most in it. */
  readonly backlog: number | null;
  readonly lagMs: number | null;
  /** In the list or stream. */
  readonly waiting: number | null;
  /** Of the results of this process since the point before; null if there were none. */
  readonly latency: Latency | null;
  /** How long the steps of these results took; only with an order or a record. */
  readonly steps?: StepsPoint;
}

/** What a point is made from. */
export type PointReading = Pick<LiveTotals, 'time' | 'counters' | 'lagMs' | 'backlog'> & {
  readonly source: Pick<LiveTotals['source'], 'waiting'>;
};

/** What a reading, or its lack, adds. */
export interface Added {
  readonly point: Point | undefined;
  /** That of the minute before, if a new one has begun. */
  readonly minute: Point | undefined;
}

const MINUTE = 60_000;
/** 15 minutes, and 24 hours. */
const SECONDS_KEPT = 900;
const MINUTES_KEPT = 1_440;

/** The points of the last 15 minutes and of the last 24 hours: a page that is opened later shows them too. */
export class History {
  readonly seconds: Point[] = [];
  readonly minutes: Point[] = [];
  readonly #second: Interval;
  readonly #minute: Interval;
  readonly #steps: RecentSteps;
  /** The minute that is under way, and the most of it. */
  #number = 0;
  #most: Pick<Point, 'backlog' | 'lagMs' | 'waiting'> | undefined;
  /** The last reading that belongs to the minute under way. */
  #last: { readonly reading: PointReading; readonly now: number } | undefined;

  constructor({ toOutput, steps }: Pick<ProcessStats, 'toOutput' | 'steps'>) {
    this.#second = new Interval(toOutput);
    this.#minute = new Interval(toOutput);
    this.#steps = new RecentSteps(steps);
  }

  /**
   * Adds a reading. The first one makes no point, because a rate takes two.
   *
   * @param now monotonic clock of this process, ms
   */
  add(reading: PointReading, now: number): Added {
    const minute = this.#turn(Date.parse(reading.time));
    const rates = this.#second.next(reading, now);
    const steps = this.#steps.next();
    if (!this.#last && !minute) this.#minute.next(reading, now);
    this.#last = { reading, now };
    const { backlog, lagMs, source } = reading;
    this.#most = {
      backlog: Math.max(backlog, this.#most?.backlog ?? 0),
      lagMs: Math.max(lagMs, this.#most?.lagMs ?? 0),
      waiting: source.waiting === null ? null : Math.max(source.waiting, this.#most?.waiting ?? 0),
    };
    if (!rates) return { point: undefined, minute };
    const here = { backlog, lagMs, waiting: source.waiting };
    const point = { time: Date.parse(reading.time), ...rates, ...here, ...(steps && { steps }) };
    return { point: kept(this.seconds, point, SECONDS_KEPT), minute };
  }

  /** Notes that there was no reading. @param time ms since 1970, Redis's clock as far as it is known */
  hole(time: number): Added {
    const minute = this.#turn(time);
    const last = this.seconds.at(-1)?.time ?? 0;
    const point = { ...holeAt(Math.max(time, last + 1)) };
    return { point: kept(this.seconds, point, SECONDS_KEPT), minute };
  }

  /** Ends the minute under way if the time is in another one. */
  #turn(time: number): Point | undefined {
    const number = Math.floor(time / MINUTE);
    const before = this.#number;
    if (number === before) return undefined;
    this.#number = number;
    if (before === 0) return undefined;
    const [last, most] = [this.#last, this.#most];
    this.#last = undefined;
    this.#most = undefined;
    const rates = last && this.#minute.next(last.reading, last.now);
    const point = rates && most ? { time: before * MINUTE, ...rates, ...most } : holeAt(before * MINUTE);
    return kept(this.minutes, point, MINUTES_KEPT);
  }
}

/** Rates and latency between two looks at the counters. */
class Interval {
  readonly #toOutput: Histogram;
  readonly #meters = {
    relayed: new Meter(2),
    processed: new Meter(2),
    failed: new Meter(2),
    dead: new Meter(2),
  };
  #counts: Float64Array;

  constructor(toOutput: Histogram) {
    this.#toOutput = toOutput;
    this.#counts = toOutput.counts.slice();
  }

  /** Undefined for the first look. */
  next(
    { counters }: PointReading,
    now: number,
  ): Pick<Point, 'relayed' | 'processed' | 'failed' | 'dead' | 'latency'> | undefined {
    const relayed = this.#meters.relayed.rate(counters.relayed, now);
    const processed = this.#meters.processed.rate(counters.processed, now);
    const failed = this.#meters.failed.rate(counters.failed, now);
    const dead = this.#meters.dead.rate(counters.dead + counters.revived, now);
    const { bounds, counts } = this.#toOutput;
    const since = counts.map((count, i) => count - (this.#counts[i] ?? 0));
    this.#counts = counts.slice();
    if (relayed === undefined || processed === undefined || failed === undefined || dead === undefined)
      return undefined;
    return { relayed, processed, failed, dead, latency: latencyOf(bounds, since) };
  }
}

function latencyOf(bounds: readonly number[], counts: Float64Array): Latency | null {
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((part) => quantileOf(bounds, counts, part));
  if (p50 === undefined || p95 === undefined || p99 === undefined) return null;
  const ms = (seconds: number) => Math.round(seconds * 10_000) / 10;
  return { p50: ms(p50), p95: ms(p95), p99: ms(p99) };
}

function holeAt(time: number): Point {
  const nothing = { relayed: null, processed: null, failed: null, dead: null, backlog: null, lagMs: null };
  return { time, ...nothing, waiting: null, latency: null };
}

function kept(points: Point[], point: Point, most: number): Point {
  points.push(point);
  if (points.length > most) points.shift();
  return point;
}
