import { compareIds } from '../core/stream-id.js';
import type { HeldDelivery } from './in-flight.js';

/** The deliveries of a consumer whose attempt has not begun. */
export class WaitingDeliveries {
  /** Those that it read itself, from {@link #next} on. */
  #fresh: HeldDelivery[] = [];
  #next = 0;
  /** Those that were tried before, or that it took over. They are older, and begin first. */
  #others: HeldDelivery[] = [];

  /** Some of them may not be held any more. */
  get size(): number {
    return this.#fresh.length - this.#next + this.#others.length;
  }

  /** Those that begin first. */
  get others(): number {
    return this.#others.length;
  }

  add(delivery: HeldDelivery): void {
    (delivery.fresh ? this.#fresh : this.#others).push(delivery);
  }

  /** Takes the next one that can begin. */
  take(): HeldDelivery | undefined {
    for (;;) {
      const delivery = this.#others.shift() ?? this.#fresh[this.#next++];
      if (!delivery) {
        this.compact();
        return undefined;
      }
      // Else it was lost while it waited, or went back with its pack.
      if (delivery.held && !delivery.over) return delivery;
    }
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
    this.#others = this.#others.filter(({ held }) => held);
  }

  /** The oldest first: some may have come back to the end. */
  sort(): void {
    this.compact();
    for (const waiting of [this.#fresh, this.#others])
      waiting.sort((a, b) => compareIds(a.inboxId, b.inboxId));
  }
}
