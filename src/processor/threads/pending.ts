import type { Delivery, OnOutcome, Outcome, RunningAttempt } from '../../core/executor.js';
import { type NumberedDelivery, numberAfter } from './messages.js';
import type { SharedProgress } from './progress.js';
import { SequenceMap } from './sequence-map.js';

type OnInterrupt = (pending: PendingDelivery, reason: string) => void;

/** A delivery that was given to a thread and has no outcome yet. */
export class PendingDelivery implements RunningAttempt {
  readonly slot: number;
  readonly delivery: Delivery;
  readonly onOutcome: OnOutcome<Delivery>;
  /** Its sequence number in the thread; undefined while no thread has it. */
  number: number | undefined = undefined;
  ended = false;
  readonly #onInterrupt: OnInterrupt;

  constructor(slot: number, delivery: Delivery, onOutcome: OnOutcome<Delivery>, onInterrupt: OnInterrupt) {
    this.slot = slot;
    this.delivery = delivery;
    this.onOutcome = onOutcome;
    this.#onInterrupt = onInterrupt;
  }

  interrupt(reason: string): void {
    this.#onInterrupt(this, reason);
  }
}

interface PendingOfSlot {
  /** Posted to the present worker: by number, in the order in which they begin. */
  readonly posted: SequenceMap<PendingDelivery>;
  /** The number last given. */
  last: number;
}

/** The deliveries that were given to a thread and have no outcome yet. They outlive its worker. */
export class PendingDeliveries {
  readonly #onInterrupt: OnInterrupt;
  /** Not posted to the present worker. */
  #waiting: PendingDelivery[] = [];
  readonly #slots = new Map<number, PendingOfSlot>();

  constructor(onInterrupt: OnInterrupt) {
    this.#onInterrupt = onInterrupt;
  }

  addSlot(slot: number): void {
    this.#slots.set(slot, { posted: new SequenceMap(), last: 0 });
  }

  /** The slot must have no deliveries. */
  removeSlot(slot: number): void {
    this.#slots.delete(slot);
  }

  accept<D extends Delivery>(slot: number, delivery: D, onOutcome: OnOutcome<D>): PendingDelivery {
    // The cast is safe: the callback gets this very delivery.
    const own = onOutcome as OnOutcome<Delivery>;
    const pending = new PendingDelivery(slot, delivery, own, this.#onInterrupt);
    this.#waiting.push(pending);
    return pending;
  }

  /** Gives a delivery the next number of its slot. Returns what must be posted to the worker now. */
  assignNumber(pending: PendingDelivery): NumberedDelivery {
    const { slot, delivery } = pending;
    const ofSlot = this.#slots.get(slot);
    if (!ofSlot) throw new TypeError(`there is no slot ${slot}`);
    const number = numberAfter(ofSlot.last);
    ofSlot.last = number;
    this.#removeWaiting(pending);
    ofSlot.posted.append(number, pending);
    pending.number = number;
    // Only these fields: the delivery of a consumer has more, which cannot be posted.
    const { inboxId, message, attempt, traceparent } = delivery;
    return { inboxId, message, attempt, slot, number, ...(traceparent && { traceparent }) };
  }

  /** The worker is gone: all that was posted to it waits again, before what waits already. */
  recall(): void {
    const posted = this.#allPosted();
    for (const ofSlot of this.#slots.values()) ofSlot.posted.clear();
    for (const pending of posted) pending.number = undefined;
    this.#waiting = [...posted, ...this.#waiting];
  }

  findPosted(slot: number, number: number): PendingDelivery | undefined {
    return this.#slots.get(slot)?.posted.get(number);
  }

  /** Reports the outcome of a delivery. A second outcome is ignored. */
  end(pending: PendingDelivery, outcome: Outcome, busy: number): void {
    if (pending.ended) return;
    pending.ended = true;
    const { slot, number, delivery, onOutcome } = pending;
    if (number === undefined) this.#removeWaiting(pending);
    else this.#slots.get(slot)?.posted.delete(number);
    onOutcome(delivery, outcome, busy);
  }

  /** A copy, so that they may be posted or ended meanwhile. */
  waiting(): PendingDelivery[] {
    return [...this.#waiting];
  }

  all(): PendingDelivery[] {
    return [...this.#allPosted(), ...this.#waiting];
  }

  /** The number last given in a slot. */
  lastOf(slot: number): number {
    return this.#slots.get(slot)?.last ?? 0;
  }

  /**
   * The posted deliveries that may be to blame if the worker hangs or has ended: the one whose processor holds the
   * thread. After its first `await` a processor cannot be distinguished from the others: then all that are in work. None, if
   * the cause is something that an earlier attempt left behind.
   */
  suspects(progress: SharedProgress): PendingDelivery[] {
    const { holder } = progress;
    if (!holder)
      return this.all().filter(({ slot, number }) => number !== undefined && progress.isInWork(slot, number));
    const pending = this.findPosted(holder.slot, holder.number);
    return pending ? [pending] : [];
  }

  #allPosted(): PendingDelivery[] {
    return [...this.#slots.values()].flatMap(({ posted }) => [...posted]);
  }

  /** Looks at the last one first: most deliveries are posted as soon as they come. */
  #removeWaiting(pending: PendingDelivery): void {
    const last = this.#waiting.length - 1;
    const at = this.#waiting[last] === pending ? last : this.#waiting.indexOf(pending);
    if (at >= 0) this.#waiting.splice(at, 1);
  }
}
