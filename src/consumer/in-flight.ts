import { performance } from 'node:perf_hooks';
import type { Entry } from '../core/consumer-store.js';
import type { Delivery, RunningAttempt } from '../core/executor.js';
import type { Payload } from '../core/message.js';
import { compareIds } from '../core/stream-id.js';

/** An inbox entry that a consumer holds, from its arrival until Redis has settled it. */
export class HeldDelivery implements Delivery {
  readonly inboxId: string;
  /** Empty after {@link beginSettling}. */
  message: Payload;
  readonly attempt: number;
  /** The read of a fresh entry counts as its first attempt; of others, `begin.lua` notes each attempt. */
  readonly fresh: boolean;
  /** When it arrived: ms of the monotonic clock. */
  readonly since: number;
  /** The executor has it. */
  inWork = false;
  /** Set while it is in work, but not for processors that return at once. */
  running: RunningAttempt | undefined = undefined;
  /** The outcome is known and on its way to Redis. */
  settling = false;
  /** False after {@link release}. */
  held = true;
  readonly #inFlight: InFlight;
  readonly #bytes: number;

  constructor({ id, message, attempts }: Entry, fresh: boolean, since: number, inFlight: InFlight) {
    this.inboxId = id;
    this.message = message;
    this.attempt = attempts + 1;
    this.fresh = fresh;
    this.since = since;
    this.#inFlight = inFlight;
    this.#bytes = message.length;
  }

  /** Attempts made before this one. */
  get attempts(): number {
    return this.attempt - 1;
  }

  /** Marks that the outcome is known. Drops the message: it would keep the whole reply of Redis alive. */
  beginSettling(): void {
    this.settling = true;
    this.message = '';
  }

  /** The consumer no longer holds the entry. Idempotent. */
  release(): void {
    if (!this.held) return;
    this.held = false;
    this.#inFlight.onReleased(this.#bytes);
  }
}

/**
 * The deliveries that a consumer holds, in the order of arrival.
 *
 * Not a Map: a Map that is filled and emptied all the time rebuilds its table again and again, and V8 links each old table,
 * with everything in it, to the next. Once one of them is in the old space, entries settled long ago survive until a full
 * garbage collection. Measured with 4,000 entries at a time: 0.74 µs per entry, as against 0.19 µs here.
 */
export class InFlight {
  readonly #onRelease: () => void;
  /** Released deliveries stay in the list until they outnumber the held ones. */
  #list: HeldDelivery[] = [];
  #size = 0;
  #bytes = 0;
  /** The highest id that was ever held: a higher one is new. */
  #newest = '0-0';

  /** @param onRelease called after each release */
  constructor(onRelease: () => void) {
    this.#onRelease = onRelease;
  }

  get size(): number {
    return this.#size;
  }

  /** Bytes of all their messages, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Holds the entries from now on. Returns the deliveries of those that were not held. */
  accept(entries: readonly Entry[], fresh: boolean): HeldDelivery[] {
    if (this.#list.length > 2 * this.#size + entries.length) this.#list = [...this];
    const since = performance.now();
    let known: Set<string> | undefined;
    const accepted: HeldDelivery[] = [];
    for (const entry of entries) {
      if (compareIds(entry.id, this.#newest) > 0) this.#newest = entry.id;
      else {
        known ??= new Set(this.ids());
        if (known.has(entry.id)) continue;
      }
      known?.add(entry.id);
      const delivery = new HeldDelivery(entry, fresh, since, this);
      accepted.push(delivery);
      this.#list.push(delivery);
      this.#bytes += entry.message.length;
    }
    this.#size += accepted.length;
    return accepted;
  }

  /** Called by a delivery when it is released, with the bytes of its message. */
  onReleased(bytes: number): void {
    this.#size--;
    this.#bytes -= bytes;
    if (this.#size === 0) this.#list.length = 0;
    this.#onRelease();
  }

  /** The held deliveries with these ids. */
  withIds(inboxIds: readonly string[]): HeldDelivery[] {
    const wanted = new Set(inboxIds);
    return this.#list.filter(({ held, inboxId }) => held && wanted.has(inboxId));
  }

  /** Inbox ids of the deliveries held for longer than `age` ms. */
  ids(age = 0): string[] {
    const before = performance.now() - age;
    const ids: string[] = [];
    for (const { since, inboxId } of this) {
      if (since > before) break;
      ids.push(inboxId);
    }
    return ids;
  }

  *[Symbol.iterator](): Iterator<HeldDelivery> {
    for (const delivery of this.#list) if (delivery.held) yield delivery;
  }
}
