import { performance } from 'node:perf_hooks';
import type { Entry } from '../core/consumer-store.js';
import type { Payload } from '../core/payload.js';
import { compareIds } from '../core/stream-id.js';
import type { Job, Running } from '../processor/executor.js';
import type { Done } from './committer.js';

/** An entry in a consumer's hands, and the job of processing it. */
export class Delivery implements Job, Done {
  readonly inboxId: string;
  /** Given up with {@link end}. */
  message: Payload;
  readonly attempt: number;
  /** Fresh entries count as begun by being read; others are noted as begun when they are (see `begin.lua`). */
  readonly fresh: boolean;
  readonly since: number;
  /** The lane has it. */
  inWork = false;
  /** Set while it is in work, but for processors that return at once. */
  running: Running | undefined = undefined;
  /** The outcome is known, and on its way to Redis. */
  ended = false;
  /** False once it is let go of. */
  held = true;
  readonly #holdings: InFlight;

  constructor({ id, message, attempts }: Entry, fresh: boolean, since: number, holdings: InFlight) {
    this.inboxId = id;
    this.message = message;
    this.attempt = attempts + 1;
    this.fresh = fresh;
    this.since = since;
    this.#holdings = holdings;
  }

  /** Attempts made before. */
  get attempts(): number {
    return this.attempt - 1;
  }

  /** Nobody asks for the message again: all that came in one reply with it is kept for as long as one of them is. */
  end(): void {
    this.ended = true;
    this.message = '';
  }

  /** Redis knows what has become of it. */
  settled(): void {
    this.#holdings.release(this);
  }
}

/**
 * What a consumer holds, in the order of arrival.
 *
 * It is no Map: one that is filled and emptied all the time makes itself anew again and again, and V8 links each old table,
 * with all that was in it, to the next: once one of them is old, what was settled long ago survives until all memory is looked
 * through. Measured with 4,000 entries at a time: 0.74 µs each, as against 0.19 µs.
 */
export class InFlight {
  readonly #onRelease: () => void;
  /** Those among them that were let go of are left out once they are the most. */
  #list: Delivery[] = [];
  #size = 0;
  /** Of all that ever were here, the highest id: what comes after it cannot be held. */
  #newest = '0-0';

  constructor(onRelease: () => void) {
    this.#onRelease = onRelease;
  }

  get size(): number {
    return this.#size;
  }

  /** Takes in entries. Returns the holdings of those that were not held. */
  add(entries: readonly Entry[], fresh: boolean): Delivery[] {
    if (this.#list.length > 2 * this.#size + entries.length) this.#list = [...this];
    const since = performance.now();
    let known: Set<string> | undefined;
    const added: Delivery[] = [];
    for (const entry of entries) {
      if (compareIds(entry.id, this.#newest) > 0) this.#newest = entry.id;
      else {
        known ??= new Set(this.ids());
        if (known.has(entry.id)) continue;
      }
      known?.add(entry.id);
      const holding = new Delivery(entry, fresh, since, this);
      added.push(holding);
      this.#list.push(holding);
    }
    this.#size += added.length;
    return added;
  }

  /** Lets go of it; again, in vain. */
  release(holding: Delivery): void {
    if (!holding.held) return;
    holding.held = false;
    this.#size--;
    if (this.#size === 0) this.#list.length = 0;
    this.#onRelease();
  }

  /** Those of them that are held. */
  among(inboxIds: readonly string[]): Delivery[] {
    const wanted = new Set(inboxIds);
    return this.#list.filter(({ held, inboxId }) => held && wanted.has(inboxId));
  }

  /** Inbox ids of what has been held for longer than `age` ms. */
  ids(age = 0): string[] {
    const before = performance.now() - age;
    const ids: string[] = [];
    for (const { since, inboxId } of this) {
      if (since > before) break;
      ids.push(inboxId);
    }
    return ids;
  }

  *[Symbol.iterator](): Iterator<Delivery> {
    for (const holding of this.#list) if (holding.held) yield holding;
  }
}
