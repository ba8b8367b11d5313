import type { OutputKind } from '../core/output.js';
import { compareIds } from '../core/stream-id.js';
import type { OutputEntry } from '../redis/output.js';
import { note } from './differences.js';
import { IdIndex } from './id-index.js';

/**
 * Whether results left in the order that was asked: all of them in the order of the inbox, or those of one key. Takes the output in
 * its order. Only results with times count: others were written before there was an order.
 */
export class OrderCheck {
  readonly #kind: OutputKind;
  /** The last inbox id, by the number of its key; in total order all have number 0. */
  readonly #last: string[] = [];
  readonly #keys = new IdIndex();
  #outOfOrder = 0;
  readonly #examples: string[] = [];

  constructor(kind: OutputKind) {
    this.#kind = kind;
  }

  take(entry: OutputEntry): void {
    const { inboxId, messageId, times } = entry;
    if (this.#kind.order === 'none' || inboxId === undefined || times === undefined) return;
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

  /** Undefined for a message without the key: it has no order. */
  #numberOf(entry: OutputEntry): number | undefined {
    const { order, orderKey } = this.#kind;
    if (order === 'total') return 0;
    const key = orderKey === undefined ? undefined : valueAt(entry.data(), orderKey.split('.'));
    return key === undefined ? undefined : this.#keys.add(key);
  }
}

/** A key of messages as JSON text; undefined if there is none, or it is no string, number or boolean. */
function valueAt(message: unknown, path: readonly string[]): string | undefined {
  let value = message;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return ['string', 'number', 'boolean'].includes(typeof value) ? JSON.stringify(value) : undefined;
}
