import type { Random } from './random.js';
import type { Timeline } from './timeline.js';

/** A source of events for a process. Events of one source stay in order. */
export type Source = 'timers' | 'commands' | 'output';
const SOURCES: readonly Source[] = ['timers', 'commands', 'output'];

export interface Interval {
  readonly from: number;
  readonly to: number;
}

/** A process of the system: it runs, sleeps (SIGSTOP) while events pile up, or is dead. */
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

  /** The monotonic clock of the process, independent of the clocks of others. */
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

  /** Stops the process for a while; then it handles the events that piled up, source by source. */
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
