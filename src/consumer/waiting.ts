import { INTERRUPTED } from '../core/executor.js';
import type { OrderWindow } from '../core/order-window.js';
import { compareIds } from '../core/stream-id.js';
import type { HeldDelivery } from './in-flight.js';
import type { PackHold } from './pack-hold.js';

/** The deliveries of a consumer whose attempt has not begun. */
export class WaitingDeliveries {
  /** Those that it read itself, from {@link #next} on. */
  #fresh: HeldDelivery[] = [];
  #next = 0;
  /** In total order, those that it read itself and that stand elsewhere than their entries: halted messages that are tried again. */
  #again: HeldDelivery[] = [];
  /** Those that were tried before, or that it took over. They are older, and begin first. */
  #others: HeldDelivery[] = [];
  readonly #window: Pick<OrderWindow, 'mayBegin'> | undefined;

  /** @param window in total order only: says which of those that it read itself may begin */
  constructor(window?: Pick<OrderWindow, 'mayBegin'>) {
    this.#window = window;
  }

  /** Some of them may not be held any more. */
  get size(): number {
    return this.#fresh.length - this.#next + this.#again.length + this.#others.length;
  }

  /** Those that begin first. */
  get others(): number {
    return this.#others.length;
  }

  add(delivery: HeldDelivery): void {
    if (!delivery.fresh) this.#others.push(delivery);
    else if (this.#window && delivery.inboxId !== delivery.entryId) this.#again.push(delivery);
    else this.#fresh.push(delivery);
  }

  /** Adds messages of a pack, as many as there is room for. The others go back at once. */
  addOfPack(deliveries: readonly HeldDelivery[], hold: PackHold, room: number): void {
    for (const [i, delivery] of deliveries.entries()) {
      if (i < room) this.add(delivery);
      else hold.end(delivery.number, INTERRUPTED, 0);
    }
  }

  /**
   * Adds the first of messages that are processed one after the other.
   *
   * @param isBegun whether the message before them is in work: then that one brings it, when it ends
   */
  addInLine([first]: readonly HeldDelivery[], isBegun: boolean): void {
    if (first && !isBegun) this.add(first);
  }

  /** Adds the message that waited for this one to end. */
  addFollower({ follower }: HeldDelivery): void {
    if (follower && !follower.over) this.add(follower);
  }

  /** Takes the next one that can begin. */
  take(): HeldDelivery | undefined {
    for (;;) {
      const delivery = this.#others.shift() ?? this.#nextAgain() ?? this.#nextFresh();
      if (!delivery) {
        this.compact();
        return undefined;
      }
      // Else it was lost while it waited, or went back with its pack.
      if (delivery.held && !delivery.over) return delivery;
    }
  }

  /** All that it read before one of these may have to wait for it. */
  #nextAgain(): HeldDelivery | undefined {
    const at = this.#again.findIndex((delivery) => this.#mayBegin(delivery));
    return at < 0 ? undefined : this.#again.splice(at, 1)[0];
  }

  #nextFresh(): HeldDelivery | undefined {
    const next = this.#fresh[this.#next];
    if (!next || !this.#mayBegin(next)) return undefined;
    this.#next++;
    return next;
  }

  /** One that is not held any more is to be dropped. */
  #mayBegin({ held, entryId, inboxId }: HeldDelivery): boolean {
    return !held || this.#window?.mayBegin(entryId, inboxId) !== false;
  }

  /** Drops those that were taken from the list. */
  compact(): void {
    this.#fresh.splice(0, this.#next);
    this.#next = 0;
  }

  /** Drops those that are not held any more. */
  prune(): void {
    this.compact();
    this.#fresh = this.#fresh.filter(({ held }) => held);
    this.#again = this.#again.filter(({ held }) => held);
    this.#others = this.#others.filter(({ held }) => held);
  }

  /** The oldest first: some may have come back to the end. */
  sort(): void {
    this.compact();
    for (const waiting of [this.#fresh, this.#again, this.#others])
      waiting.sort((a, b) => compareIds(a.inboxId, b.inboxId));
  }
}
