import type { Job, OnOutcome, Outcome } from '../executor.js';
import { after, type NumberedJob } from './messages.js';
import type { SharedProgress } from './progress.js';
import { SequenceMap } from './sequence-map.js';

/** A job that has not ended. */
export interface Pending {
  readonly slot: number;
  readonly job: Job;
  readonly onOutcome: (outcome: Outcome, busy: number) => void;
  /** What the thread knows it by; undefined while no thread has it. */
  number: number | undefined;
  ended: boolean;
}

/** The jobs that were given to one thread, whichever of its incarnations works on them, and have not ended. */
export class PendingJobs {
  /** Not posted to the thread of now. */
  #waiting: Pending[] = [];
  /** Posted to the thread of now: by slot, then by number, in the order in which they begin. */
  readonly #posted: readonly SequenceMap<Pending>[];
  readonly #last: number[];

  constructor(slots: number) {
    this.#posted = Array.from({ length: slots }, () => new SequenceMap());
    this.#last = this.#posted.map(() => 0);
  }

  add<J extends Job>(slot: number, job: J, onOutcome: OnOutcome<J>): Pending {
    const pending: Pending = {
      slot,
      job,
      onOutcome: (outcome, busy) => onOutcome(job, outcome, busy),
      number: undefined,
      ended: false,
    };
    this.#waiting.push(pending);
    return pending;
  }

  /** Gives it the next number of its slot, under which the thread will know it. */
  post(pending: Pending): NumberedJob {
    const { slot, job } = pending;
    const number = after(this.#last[slot] as number);
    this.#last[slot] = number;
    this.#waitNoLonger(pending);
    this.#posted[slot]?.add(number, pending);
    pending.number = number;
    // A job may be more to its owner, which cannot travel.
    const { inboxId, message, attempt, traceparent } = job;
    return { inboxId, message, attempt, slot, number, ...(traceparent && { traceparent }) };
  }

  /** The thread is gone: all that was posted to it waits again, before what waits already. */
  recall(): void {
    const posted = this.#allPosted();
    for (const jobs of this.#posted) jobs.clear();
    for (const pending of posted) pending.number = undefined;
    this.#waiting = [...posted, ...this.#waiting];
  }

  posted(slot: number, number: number): Pending | undefined {
    return this.#posted[slot]?.get(number);
  }

  /** Tells how the job ended; once, whatever is heard of it later. */
  end(pending: Pending, outcome: Outcome, busy: number): void {
    if (pending.ended) return;
    pending.ended = true;
    const { slot, number } = pending;
    if (number === undefined) this.#waitNoLonger(pending);
    else this.#posted[slot]?.delete(number);
    pending.onOutcome(outcome, busy);
  }

  /** A list of its own, so that they may be posted or ended meanwhile. */
  waiting(): Pending[] {
    return [...this.#waiting];
  }

  all(): Pending[] {
    return [...this.#allPosted(), ...this.#waiting];
  }

  /** The number last given in each slot. */
  get last(): readonly number[] {
    return this.#last;
  }

  /**
   * Which of the posted may be to blame when the thread hangs or has ended: the job whose processor has the
   * thread. After its first `await` a processor cannot be told from the others, so then all that are in work. None,
   * where it was something that an earlier job left behind.
   */
  suspects(progress: SharedProgress): Pending[] {
    const { holder } = progress;
    if (!holder)
      return this.all().filter(({ slot, number }) => number !== undefined && progress.isInWork(slot, number));
    const pending = this.posted(holder.slot, holder.number);
    return pending ? [pending] : [];
  }

  #allPosted(): Pending[] {
    return this.#posted.flatMap((jobs) => [...jobs]);
  }

  /** Most often it is posted as soon as it has come, or in the order in which they wait. */
  #waitNoLonger(pending: Pending): void {
    const last = this.#waiting.length - 1;
    const at = this.#waiting[last] === pending ? last : this.#waiting.indexOf(pending);
    if (at >= 0) this.#waiting.splice(at, 1);
  }
}
