import { type Bench, doJob } from '../job.js';
import type { Outcome, Running } from '../workshop.js';
import type { NumberedJob, Progress } from './wire.js';

export interface SlotOptions {
  readonly bench: Bench;
  readonly concurrency: number;
  readonly progress: Progress;
  readonly onEnd: (job: NumberedJob, outcome: Outcome, busy: number) => void;
}

/** Inside a thread: does the jobs of one consumer, in their order, so many at a time. */
export class Slot {
  readonly #options: SlotOptions;
  readonly #running = new Map<number, Running>();
  #waiting: NumberedJob[] = [];
  #inWork = 0;
  #pumping = false;
  #quiet = false;

  constructor(options: SlotOptions) {
    this.#options = options;
  }

  add(jobs: readonly NumberedJob[]): void {
    this.#waiting.push(...jobs);
    if (this.#quiet) this.quiet();
    else this.#pump();
  }

  interrupt(number: number, reason: string): void {
    this.#waiting = this.#waiting.filter((job) => job.number !== number);
    this.#running.get(number)?.interrupt(reason);
  }

  quiet(): void {
    this.#quiet = true;
    for (const job of this.#waiting.splice(0)) this.#options.onEnd(job, { kind: 'interrupted' }, 0);
  }

  /** A processor that returns at once ends within this loop, not within itself. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    let next = 0;
    while (this.#inWork < this.#options.concurrency) {
      const job = this.#waiting[next++];
      if (!job) break;
      this.#begin(job);
    }
    this.#waiting.splice(0, next);
    this.#pumping = false;
  }

  #begin(job: NumberedJob): void {
    const { bench, progress, onEnd } = this.#options;
    let ended = false;
    this.#inWork++;
    progress.enters(job.slot, job.number);
    const running = doJob(job, bench, (outcome, busy) => {
      ended = true;
      this.#inWork--;
      this.#running.delete(job.number);
      onEnd(job, outcome, busy);
      this.#pump();
    });
    progress.leaves();
    if (!ended) this.#running.set(job.number, running);
  }
}
