import type { OrderWindow } from '../core/order-window.js';
import type { InFlight } from './in-flight.js';
import type { Prefetch } from './prefetch.js';
import type { SharedPlaces } from './shared-places.js';
import type { WaitingDeliveries } from './waiting.js';

/** Bytes of messages that all consumers of a process hold, about: those they read. They take over as many again. */
const MOST_HELD = 128 * 2 ** 20;

export interface RoomOptions {
  readonly prefetch: Prefetch;
  readonly inFlight: InFlight;
  readonly waiting: WaitingDeliveries;
  /** Messages in work at a time. */
  readonly concurrency: number;
  /** Messages that are in work. */
  readonly inWork: () => number;
  /** In total order only. */
  readonly window: OrderWindow | undefined;
  /** Only if the consumer has several lanes: what it has to process counts in all of them. */
  readonly places: Pick<SharedPlaces, 'held' | 'unprocessed' | 'taken'> | undefined;
}

/** How many messages a consumer has room for, beside those that it holds. */
export class Room {
  readonly #options: RoomOptions;

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  /** Messages that it holds in this lane and that are not processed. */
  get unprocessed(): number {
    const { waiting, inWork } = this.#options;
    return waiting.size + inWork();
  }

  /** The same in all lanes. */
  get heldInAll(): number {
    return this.#options.places?.held ?? this.unprocessed;
  }

  /** The same with those that reads under way have asked for. */
  get unprocessedInAll(): number {
    return this.#options.places?.unprocessed ?? this.unprocessed;
  }

  /** How many messages to read now; 0 for not yet. */
  get toRead(): number {
    return this.toReadBeside(this.unprocessedInAll);
  }

  /** @param unprocessed messages in all lanes */
  toReadBeside(unprocessed: number): number {
    const { prefetch, inFlight, window } = this.#options;
    // The order waits for an entry that has to be read, the first of those: whatever this consumer holds.
    if (window?.full) return window.mayRead ? 1 : 0;
    if (this.#holdsMoreThan(this.#share)) return 0;
    return Math.min(prefetch.readCount(unprocessed), prefetch.maxInFlight - inFlight.size);
  }

  /**
   * How many entries it can take over. They are older than those it reads, and must not wait until a flood of new ones is
   * over: a fast consumer takes them on top of what it holds, and a slow one takes at least one.
   */
  get toTakeOver(): number {
    const { prefetch, waiting, concurrency, inWork, window } = this.#options;
    // Those that it read itself do not begin then: it has room for what the order may wait for.
    if (window?.full) return Math.max(concurrency - inWork() - waiting.others, waiting.others === 0 ? 1 : 0);
    if (this.#holdsMoreThan(2 * this.#share)) return 0;
    const { maxUnprocessed } = prefetch;
    if (maxUnprocessed > concurrency) return maxUnprocessed - waiting.others;
    const { unprocessedInAll } = this;
    const inWorkInAll = this.#options.places?.taken ?? inWork();
    return Math.max(maxUnprocessed - unprocessedInAll, unprocessedInAll <= inWorkInAll ? 1 : 0);
  }

  /** Bytes of messages that it may read and hold. */
  get #share(): number {
    return MOST_HELD / this.#options.prefetch.consumers;
  }

  /** Whether it has enough in work, and holds so many bytes. */
  #holdsMoreThan(bytes: number): boolean {
    const { inFlight, concurrency } = this.#options;
    return inFlight.size >= concurrency && inFlight.bytes >= bytes;
  }
}
