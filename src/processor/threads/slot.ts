import type { AttemptOptions } from '../bench.js';
import type { Outcome, Running } from '../executor.js';
import { doJob } from '../job.js';
import type { NumberedJob } from './messages.js';
import type { SharedProgress } from './progress.js';

/** ms after which jobs that wait leave the thread to timers, messages and the other slots, and go on afterwards. */
const TURN = 10;

export interface SlotOptions {
  readonly bench: AttemptOptions;
  readonly concurrency: number;
  readonly progress: SharedProgress;
  readonly onEnd: (job: NumberedJob, outcome: Outcome, busy: number) => void;
}

/** Inside a thread: does the jobs of one consumer, in their order, so many at a time. */
export class Slot {
  readonly #options: SlotOptions;
  readonly #running = new Map<number, Running>();
  #waiting: NumberedJob[] = [];
  #inWork = 0;
  #pumping = false;
  #turnBegan: number | undefined;

  constructor(options: SlotOptions) {
    this.#options = options;
  }

  add(job: NumberedJob): void {
    this.#waiting.push(job);
  }

  /** Ends a job from outside. Of one that waits nothing is told: whoever interrupts it knows. */
  interrupt(number: number, reason: string): void {
    this.#waiting = this.#waiting.filter((job) => job.number !== number);
    this.#running.get(number)?.interrupt(reason);
  }

  /** Begins what can be begun. A processor that returns at once ends within this loop, not within itself. */
  pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    let next = 0;
    while (this.#inWork < this.#options.concurrency && next < this.#waiting.length && !this.#turnIsOver())
      this.#begin(this.#waiting[next++] as NumberedJob);
    this.#waiting.splice(0, next);
    this.#pumping = false;
  }

  #turnIsOver(): boolean {
    const now = performance.now();
    if (this.#turnBegan === undefined) {
      this.#turnBegan = now;
      setImmediate(() => {
        this.#turnBegan = undefined;
        this.pump();
      });
    }
    return now - this.#turnBegan > TURN;
  }

  #begin(job: NumberedJob): void {
    const { bench, progress, onEnd } = this.#options;
    if (!progress.enter(job.slot, job.number)) {
      onEnd(job, { kind: 'interrupted' }, 0);
      return;
    }
    let ended = false;
    this.#inWork++;
    const running = doJob(job, bench, (_job, outcome, busy) => {
      ended = true;
      this.#inWork--;
      this.#running.delete(job.number);
      progress.end(job.slot, job.number);
      onEnd(job, outcome, busy);
      this.pump();
    });
    progress.leave();
    if (!ended) this.#running.set(job.number, running);
  }
}
