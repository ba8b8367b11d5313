/** What one process has done since it started. Cumulative: only differences of one process mean anything. */
export interface Work {
  /** Attempts that Redis has recorded. */
  readonly settled: number;
  /** ms that its consumers spent in attempts that have ended, failed ones included, divided by `concurrency`. */
  readonly busyMs: number;
}

/** The group at one moment. */
export interface Measurement {
  /** ms, monotonic clock of the leader. */
  readonly at: number;
  /** Counter of the group. */
  readonly relayed: number;
  /** Processed and dead, counters of the group. */
  readonly settled: number;
  /**
   * Relayed and not yet settled, without what no consumer can begin now (not yet due, held behind its key): more consumers
   * do not help there.
   */
  readonly backlog: number;
  /** Live consumers of managed processes. */
  readonly consumers: number;
  /** Live consumers of the other processes. */
  readonly fixed: number;
  /** Most consumers that the live managed processes may run. */
  readonly capacity: number;
  readonly paused: boolean;
  /** By process id, managed and fixed. */
  readonly work: Readonly<Record<string, Work>>;
}

/** What happened between two measurements that follow each other. */
interface Interval {
  readonly ms: number;
  readonly relayed: number;
  readonly settled: number;
  readonly work: Work;
  /** All live consumers at its end. */
  readonly consumers: number;
  /** Messages that waited for a consumer, at both ends. */
  readonly waiting: readonly [before: number, after: number];
}

/** ms for which measurements are kept. */
const KEPT = 60_000;
/** A mean is taken over so many ms ... */
const LONG_ENOUGH = 10_000;
/** ... and so many messages, if so many are kept. */
const MANY_ENOUGH = 100;
/** A rate has changed if a count differs from the expected one by this share ... */
const OTHER_RATE = 0.3;
/** ... and by so many standard deviations of a random arrival. */
const DEVIATIONS = 4;
/** A stretch is so many intervals with the same number of consumers, after one in which they may have come. */
const STRETCH = 3;

/** Messages that wait for a consumer. One for each consumer is in work: more consumers do not finish it sooner. */
export function waitingOf({ backlog, consumers, fixed }: Measurement): number {
  return Math.max(0, backlog - consumers - fixed);
}

/** What so many consumers did while messages waited. */
export interface Stretch {
  readonly consumers: number;
  /** Messages settled per second. */
  readonly rate: number;
  /** So many messages waited that no consumer was idle for lack of work. */
  readonly saturated: boolean;
  /** Fewer messages wait than before. */
  readonly eased: boolean;
}

/** The least scaling that is believed: a group that hung for some seconds must not grow without end. */
const LEAST_SCALING = 0.1;
/** ms in which most of the scaling is forgotten if nothing confirms it: what slowed the consumers down may be over. */
const FORGOTTEN = 30 * 60_000;

/** The measurements of the last minute, as rates. */
export class LoadHistory {
  /** The newest first. */
  readonly #intervals: Interval[] = [];
  #last: Measurement | undefined;
  #speed: number | undefined;
  #scaling = 1;

  /** Takes a measurement. Counters that fell (an emptied database) begin a new history. */
  add(m: Measurement): void {
    const before = this.#last;
    if (before && (m.relayed < before.relayed || m.settled < before.settled)) this.clear();
    else if (before && m.at > before.at) this.#append(before, m);
    this.#last = m;
  }

  /** Forgets the measurements. What a consumer can do remains known. */
  clear(): void {
    this.#intervals.length = 0;
    this.#last = undefined;
  }

  /** Intervals that are known. */
  get length(): number {
    return this.#intervals.length;
  }

  /** Messages relayed per second. The mean ends where the rate was another one, so that a step is seen at once. */
  get arrivals(): number {
    return this.#mean('relayed', true);
  }

  /** Messages settled per second. */
  get settling(): number {
    return this.#mean('settled', false);
  }

  /** Messages per busy second of a consumer; undefined if none was ever settled. */
  get speed(): number | undefined {
    return this.#speed;
  }

  /** From 0.1 to 1: the share of `speed` that consumers reached when messages last waited all the time. */
  get scaling(): number {
    return this.#scaling;
  }

  /** Whether messages wait, and waited at the measurement before. */
  get waits(): boolean {
    return this.#intervals.slice(0, 1).some(isWaiting);
  }

  /** What the present consumers do while messages wait; undefined if it is not known yet. */
  get stretch(): Stretch | undefined {
    const newest = this.#intervals.slice(0, STRETCH);
    const withStartUp = this.#intervals.slice(0, STRETCH + 1);
    const [last, first] = [newest[0], newest.at(-1)];
    if (!first?.consumers || !last || withStartUp.length <= STRETCH) return undefined;
    if (withStartUp.some(({ consumers }) => consumers !== first.consumers)) return undefined;
    if (!newest.every(isWaiting)) return undefined;
    return {
      consumers: first.consumers,
      rate: (1_000 * sum(newest, 'settled')) / sum(newest, 'ms'),
      saturated: newest.every(({ waiting, settled }) => waiting[0] >= settled),
      eased: last.waiting[1] < first.waiting[0],
    };
  }

  #append(before: Measurement, m: Measurement): void {
    this.#intervals.unshift({
      ms: m.at - before.at,
      relayed: m.relayed - before.relayed,
      settled: m.settled - before.settled,
      work: workBetween(before.work, m.work),
      consumers: m.consumers + m.fixed,
      waiting: [waitingOf(before), waitingOf(m)],
    });
    while (sum(this.#intervals, 'ms') > KEPT && this.#intervals.length > 1) this.#intervals.pop();
    this.#learn();
  }

  #learn(): void {
    let [settled, busyMs, ms] = [0, 0, 0];
    for (const { work, ms: length } of this.#intervals) {
      settled += work.settled;
      busyMs += work.busyMs;
      ms += length;
      if (ms >= LONG_ENOUGH && settled >= MANY_ENOUGH) break;
    }
    // Work that was not settled yet does not say how long it takes.
    if (settled > 0 && busyMs > 0) this.#speed = (1_000 * settled) / busyMs;
    const stretch = this.stretch;
    if (stretch?.saturated && this.#speed) {
      const reached = stretch.rate / (stretch.consumers * this.#speed);
      this.#scaling = Math.min(1, Math.max(LEAST_SCALING, reached));
    } else this.#scaling += (1 - this.#scaling) * Math.min(1, (this.#intervals[0]?.ms ?? 0) / FORGOTTEN);
  }

  #mean(what: 'relayed' | 'settled', endsAtChange: boolean): number {
    let [count, ms] = [0, 0];
    for (const interval of this.#intervals) {
      if (endsAtChange && ms > 0 && isOther(interval[what], (count / ms) * interval.ms)) break;
      count += interval[what];
      ms += interval.ms;
      if (ms >= LONG_ENOUGH && count >= MANY_ENOUGH) break;
    }
    return ms > 0 ? (1_000 * count) / ms : 0;
  }
}

function isWaiting({ waiting: [before, after] }: Interval): boolean {
  return before > 0 && after > 0;
}

/** Whether a count shows another rate than the one that made `expected` likely. */
function isOther(count: number, expected: number): boolean {
  const chance = DEVIATIONS * Math.sqrt(Math.max(count, expected, 1));
  return Math.abs(count - expected) > OTHER_RATE * expected + chance;
}

function sum(intervals: readonly Interval[], what: 'ms' | 'settled'): number {
  let total = 0;
  for (const interval of intervals) total += interval[what];
  return total;
}

/** The work of the processes that were there at both ends: the numbers of the others are not of this interval alone. */
function workBetween(before: Measurement['work'], after: Measurement['work']): Work {
  let [settled, busyMs] = [0, 0];
  for (const [id, now] of Object.entries(after)) {
    const then = before[id];
    if (!then || now.settled < then.settled || now.busyMs < then.busyMs) continue;
    settled += now.settled - then.settled;
    busyMs += now.busyMs - then.busyMs;
  }
  return { settled, busyMs };
}
