import type { EndedProcess } from '../core/control.js';
import type { LiveTotals } from './status.js';

/** What a trend is made from. */
export interface TrendReading extends Pick<LiveTotals, 'time' | 'counters' | 'backlog' | 'parked' | 'lagMs'> {
  readonly waiting: number;
  readonly held: number;
  readonly source: Pick<LiveTotals['source'], 'waiting'>;
  readonly processes: readonly Pick<
    LiveTotals['processes'][number],
    'id' | 'host' | 'silent' | 'lastBeat' | 'settled' | 'failed'
  >[];
}

/** Numbers of the last 5 and of the last 60 s, per second. */
export interface TrendView {
  /** What came in: relayed or sent back, and what the list or stream has more. */
  readonly in5: number;
  readonly in60: number;
  /** What was settled: results and dead letters. */
  readonly out5: number;
  readonly out60: number;
  /** Attempts that failed. */
  readonly failed5: number;
  readonly failed60: number;
  readonly dead5: number;
  readonly dead60: number;
  /** s that the 60 s really are. */
  readonly seconds: number;
  /** How much more waits, with what waits in the list or stream, per second; negative if it becomes less. */
  readonly growth5: number;
  /** The share of attempts that failed, from 0 to 1, and how many did, in the last 60 s; null without attempts. */
  readonly failing60: number | null;
  readonly failures60: number;
  /** Since when more came in than went out, for 5 s and still: ISO 8601, Redis's clock; and messages per second. */
  readonly fallingBehind: { readonly since: string; readonly by: number } | null;
  /** The least lag of the last 5 s, ms: a message that is tried again is old for a moment. */
  readonly leastLag5: number;
  /** s until Redis has no memory left if it grows as it does; null if it does not, or that is not known. */
  readonly memoryLasts: number | null;
}

/** A process that was silent, and then was gone. */
export interface Vanished extends EndedProcess {
  /** ISO 8601, Redis's clock. */
  readonly at: string;
}

/** Bytes that Redis uses, and may use. */
interface Memory {
  readonly usedMemory: number;
  readonly memoryLimit: number;
}

interface Sample {
  readonly at: number;
  readonly time: string;
  readonly settled: number;
  /** Attempts that succeeded: their results may be parked. */
  readonly succeeded: number;
  readonly failed: number;
  readonly dead: number;
  readonly depth: number;
  /** Messages that no consumer has, and that wait for no attempt. */
  readonly waiting: number;
  readonly lagMs: number;
}

/** ms */
const SHORT = 5_000;
const LONG = 60_000;
/** ms by which a reading may be earlier than a window begins. */
const SLACK = 500;
/** ms for which a process that vanished is shown. */
const TOLD = 300_000;
const MOST_SAMPLES = 1_000;
const MOST_VANISHED = 100;
/** Part of what comes in by which more must wait: a full queue goes up and down a little. */
const LEAST_GROWTH = 0.02;
/** ms over which the memory must have grown. */
const LEAST_MEMORY = 10_000;

/**
 * What becomes of a group, from its readings: rates, whether it falls behind, which processes vanished. Pure: times are of the caller's
 * monotonic clock, ms. It holds the readings of a minute.
 */
export class Trend {
  #samples: Sample[] = [];
  #memory: (Memory & { readonly at: number })[] = [];
  /** The processes of the last reading. */
  #processes = new Map<string, TrendReading['processes'][number]>();
  #vanished: (Vanished & { readonly since: number })[] = [];
  #fallingSince: string | undefined;

  /** Takes a reading. One that is not later than the last is passed over. */
  add(reading: TrendReading, at: number): void {
    const last = this.#samples.at(-1);
    if (last && at <= last.at) return;
    const sample = sampleOf(reading, at);
    // An emptied database counts from 0 again.
    if (last && (sample.settled < last.settled || sample.failed < last.failed)) this.#forget();
    this.#samples.push(sample);
    while (this.#samples.length > MOST_SAMPLES || at - (this.#samples[0]?.at ?? at) > LONG + SLACK)
      this.#samples.shift();
    this.#fall(sample);
    this.#compare(reading, at);
  }

  /** Takes a reading of Redis's memory. */
  addMemory(memory: Memory, at: number): void {
    if (at <= (this.#memory.at(-1)?.at ?? -1)) return;
    this.#memory.push({ ...memory, at });
    while (this.#memory.length > MOST_SAMPLES || at - (this.#memory[0]?.at ?? at) > LONG)
      this.#memory.shift();
  }

  /** The numbers; undefined before the second reading. */
  get view(): TrendView | undefined {
    const now = this.#samples.at(-1);
    const [five, sixty] = [this.#before(SHORT), this.#before(LONG)];
    if (!now || !five || !sixty) return undefined;
    const [near, far] = [ratesOf(five, now), ratesOf(sixty, now)];
    const failures = Math.max(now.failed - sixty.failed, now.dead - sixty.dead);
    const attempts = now.succeeded - sixty.succeeded + failures;
    return {
      in5: near.in,
      in60: far.in,
      out5: near.out,
      out60: far.out,
      failed5: near.failed,
      failed60: far.failed,
      dead5: near.dead,
      dead60: far.dead,
      seconds: (now.at - sixty.at) / 1_000,
      growth5: near.growth,
      failing60: attempts > 0 ? failures / attempts : null,
      failures60: failures,
      fallingBehind:
        this.#fallingSince === undefined ? null : { since: this.#fallingSince, by: Math.max(0, near.growth) },
      leastLag5: Math.min(...this.#samples.filter(({ at }) => at >= five.at).map(({ lagMs }) => lagMs)),
      memoryLasts: this.#memoryLasts,
    };
  }

  /** Processes that vanished without leaving in the last 5 minutes, the newest first. */
  get vanished(): readonly Vanished[] {
    return this.#vanished.map(({ id, host, at }) => ({ id, host, at })).reverse();
  }

  /** Whether it has watched for long enough to say that a group keeps up. */
  get isSettled(): boolean {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    return first !== undefined && last !== undefined && last.at - first.at >= SHORT - SLACK;
  }

  /** The newest sample that is at least so old, or else the oldest; undefined if that is the last one. */
  #before(ms: number): Sample | undefined {
    const last = this.#samples.at(-1);
    if (!last) return undefined;
    const found = this.#samples.findLast(({ at }) => at <= last.at - ms) ?? this.#samples[0];
    return found === last ? undefined : found;
  }

  /** Begins when more waits than 5 s ago, throughout; ends when it is no more than 5 s ago, or nothing waits. */
  #fall(now: Sample): void {
    const first = this.#before(SHORT);
    if (!first) return;
    if (now.waiting === 0 || now.depth <= first.depth) {
      this.#fallingSince = undefined;
      return;
    }
    if (this.#fallingSince !== undefined || now.at - first.at < SHORT - SLACK) return;
    const window = this.#samples.filter(({ at }) => at >= first.at);
    const third = Math.max(1, Math.floor(window.length / 3));
    const depths = window.map(({ depth }) => depth);
    const rises = Math.min(...depths.slice(-third)) > Math.max(...depths.slice(0, third));
    const { in: comes, out, growth } = ratesOf(first, now);
    // Less than what is done in a second is no more than what is on its way.
    if (rises && growth >= LEAST_GROWTH * comes && now.depth >= out) this.#fallingSince = first.time;
  }

  /** Finds the processes that were silent at the last reading and are gone now. */
  #compare({ processes, time }: TrendReading, now: number): void {
    const live = new Map(processes.map((one) => [one.id, one]));
    for (const [id, { host, silent }] of this.#processes)
      if (silent && !live.has(id)) this.#vanished.push({ id, host, at: time, since: now });
    this.#processes = live;
    this.#vanished = this.#vanished
      .filter(({ id, since }) => now - since <= TOLD && !live.has(id))
      .slice(-MOST_VANISHED);
  }

  get #memoryLasts(): number | null {
    const [first, last] = [this.#memory[0], this.#memory.at(-1)];
    if (!first || !last || last.at - first.at < LEAST_MEMORY || last.memoryLimit <= 0) return null;
    const growth = ((last.usedMemory - first.usedMemory) * 1_000) / (last.at - first.at);
    return growth > 0 ? Math.max(0, last.memoryLimit - last.usedMemory) / growth : null;
  }

  #forget(): void {
    this.#samples = [];
    this.#fallingSince = undefined;
  }
}

function sampleOf(
  { time, counters, backlog, parked, waiting, held, source, lagMs }: TrendReading,
  at: number,
): Sample {
  const atSource = source.waiting ?? 0;
  // `dead` falls when dead letters are sent back.
  const dead = counters.dead + counters.revived;
  return {
    at,
    time,
    settled: counters.processed + dead,
    succeeded: counters.processed + parked,
    failed: counters.failed,
    dead,
    depth: backlog + parked + atSource,
    waiting: waiting + held + parked + atSource,
    lagMs,
  };
}

function ratesOf(from: Sample, to: Sample) {
  const perSecond = (count: number) => (count * 1_000) / (to.at - from.at);
  const growth = perSecond(to.depth - from.depth);
  const out = perSecond(to.settled - from.settled);
  return {
    growth,
    out,
    in: Math.max(0, growth + out),
    failed: perSecond(to.failed - from.failed),
    dead: perSecond(to.dead - from.dead),
  };
}
