import { orderKeyIn, pathOf } from '../core/order-key.js';
import type { OutputKind } from '../core/output.js';
import { isPackId } from '../core/pack.js';
import { compareIds, timeOfId } from '../core/stream-id.js';
import type { OutputEntry, OutputTimes } from '../redis/output.js';
import { note } from './differences.js';
import { IdIndex } from './id-index.js';

/** What is known of the order of an output. */
export interface OrderKind extends OutputKind {
  /** When the order began: ms since 1970, Redis's clock; 0 if it is not known. */
  readonly orderSince?: number;
}

/**
 * Whether results left in the order that was asked: all of them in the order of the inbox, or those of one key. Takes the output in
 * its order. Only results with times count: others were written before there was an order. Neither do messages count that came in
 * before there was one: in total order, those of packs stand where they were unpacked, and results of another order are in that; in order by key, they have
 * no key.
 */
export class OrderCheck {
  readonly #kind: OrderKind;
  readonly #path: readonly string[] | undefined;
  /** The last inbox id, by the number of its key; in total order all have number 0. */
  readonly #last: string[] = [];
  readonly #keys = new IdIndex();
  #outOfOrder = 0;
  readonly #examples: string[] = [];

  constructor(kind: OrderKind) {
    this.#kind = kind;
    this.#path = kind.orderKey === undefined ? undefined : pathOf(kind.orderKey);
  }

  take(entry: OutputEntry): void {
    const { inboxId, messageId, times } = entry;
    if (this.#kind.order === 'none' || inboxId === undefined || times === undefined) return;
    if (this.#isOlder(entry, inboxId, times)) return;
    const number = this.#numberOf(entry);
    if (number === undefined) return;
    const before = this.#last[number];
    this.#last[number] = inboxId;
    if (before === undefined || compareIds(before, inboxId) <= 0) return;
    this.#outOfOrder++;
    note(this.#examples, messageId ?? inboxId);
  }

  /** How often a result came directly after a later one, among all or among those of its key. */
  get outOfOrder(): number {
    return this.#outOfOrder;
  }

  /** Message ids of the results that came too late. */
  get examples(): readonly string[] {
    return this.#examples;
  }

  /** Whether a message came in, or its result was made, before there was this order. */
  #isOlder({ id }: OutputEntry, inboxId: string, { finishedAt }: OutputTimes): boolean {
    const { order, outputType, orderSince = 0 } = this.#kind;
    // Total order writes no packs. Order by key does, and their ids are in order.
    if (order === 'key') return timeOfId(inboxId) < orderSince;
    // A list does not say when a result came into it.
    return isPackId(inboxId) || (outputType === 'stream' ? timeOfId(id) : finishedAt) < orderSince;
  }

  /** Undefined for a message without the key: it has no order. */
  #numberOf(entry: OutputEntry): number | undefined {
    if (this.#kind.order === 'total') return 0;
    const key = this.#path && orderKeyIn(entry.data(), this.#path);
    return key === undefined ? undefined : this.#keys.add(key);
  }
}
