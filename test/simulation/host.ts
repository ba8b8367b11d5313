import type { Random } from './random.js';
import type { Timeline } from './timeline.js';

/** Where something comes from that a process is to handle; what comes from one source stays in order. */
export type Source = 'timers' | 'commands' | 'output';
const SOURCES: readonly Source[] = ['timers', 'commands', 'output'];

export interface Interval {
  readonly from: number;
  readonly to: number;
}

/** A process as its system sees it: it runs, sleeps (SIGSTOP) while things pile up for it, or is dead. */
export class Host {
  readonly timeline: Timeline;
  /** When it could not act, though others could. */
  readonly troubles: Interval[] = [];
  readonly #random: Random;
  readonly #clockStart: number;
  #diedAt: number | undefined;
  #piledUp: Record<Source, (() => void)[]> | undefined;

  constructor(timeline: Timeline, random: Random) {
    this.timeline = timeline;
    this.#random = random;
    this.#clockStart = random.whole(0, 1_000_000);
  }

  get dead(): boolean {
    return this.#diedAt !== undefined;
  }

  get diedAt(): number | undefined {
    return this.#diedAt;
  }

  get asleep(): boolean {
    return this.#piledUp !== undefined;
  }

  /** The monotonic clock of the process, which has nothing to do with that of others. */
  clock(): number {
    return this.#clockStart + this.timeline.now;
  }

  run(source: Source, what: () => void): void {
    if (this.dead) return;
    if (this.#piledUp) this.#piledUp[source].push(what);
    else what();
  }

  after(ms: number, what: () => void): void {
    this.timeline.after(ms, () => this.run('timers', what));
  }

  kill(): void {
    this.#diedAt ??= this.timeline.now;
  }

  /** It is stopped for a while; what piled up is handled then, source by source. */
  sleep(ms: number): void {
    if (this.asleep || this.dead) return;
    const since = this.timeline.now;
    const piledUp = { timers: [], commands: [], output: [] } as Record<Source, (() => void)[]>;
    this.#piledUp = piledUp;
    this.timeline.after(ms, () => {
      this.#piledUp = undefined;
      this.troubled(since, this.timeline.now);
      const first = this.#random.whole(0, 2);
      for (let i = 0; i < 3; i++)
        for (const what of piledUp[SOURCES[(first + i) % 3] as Source]) this.run('timers', what);
    });
  }

  troubled(from: number, to: number): void {
    this.troubles.push({ from, to });
  }
}
