import type { Job, OnOutcome, Outcome } from '../workshop.js';
import type { Progress } from './progress.js';
import { after, before, type NumberedJob } from './wire.js';

/** A job that was given to a thread and has not ended. */
export interface Pending {
  readonly job: NumberedJob;
  readonly onOutcome: OnOutcome;
}

/** The jobs of one thread that have not ended, whichever of its incarnations works on them. */
export class PendingJobs {
  /** By slot, then by number: in the order in which they begin. */
  readonly #slots: readonly Map<number, Pending>[];
  readonly #last: number[];

  constructor(slots: number) {
    this.#slots = Array.from({ length: slots }, () => new Map());
    this.#last = this.#slots.map(() => 0);
  }

  add(slot: number, job: Job, onOutcome: OnOutcome): Pending {
    const number = after(this.#last[slot] as number);
    this.#last[slot] = number;
    const pending = { job: { ...job, slot, number }, onOutcome };
    this.#slots[slot]?.set(number, pending);
    return pending;
  }

  get(slot: number, number: number): Pending | undefined {
    return this.#slots[slot]?.get(number);
  }

  /** Tells how the job ended; once, whatever is heard of it later. False if it had ended before. */
  end({ job, onOutcome }: Pending, outcome: Outcome, busy: number): boolean {
    if (!this.#slots[job.slot]?.delete(job.number)) return false;
    onOutcome(outcome, busy);
    return true;
  }

  /** Those of one slot; a list of its own, so that they may be ended meanwhile. */
  of(slot: number): Pending[] {
    return [...(this.#slots[slot]?.values() ?? [])];
  }

  all(): Pending[] {
    return this.#slots.flatMap((jobs) => [...jobs.values()]);
  }

  /** Of each slot the number before its first job: how far a new thread is, which is given all of them. */
  starts(): number[] {
    return this.#slots.map((jobs, slot) => {
      const [first] = jobs.keys();
      return first === undefined ? (this.#last[slot] as number) : before(first);
    });
  }

  /**
   * Whom to blame when the thread hangs or has ended: the job whose processor has the thread. After its first
   * `await` a processor cannot be told from the others, so then all that were begun. None, where it was
   * something that a job left behind.
   */
  suspects(progress: Progress): Pending[] {
    const { holder } = progress;
    if (!holder) return this.all().filter(({ job }) => progress.isBegun(job.slot, job.number));
    const pending = this.get(holder.slot, holder.number);
    return pending ? [pending] : [];
  }
}
