import { aboutText, numberText, plural } from '../core/words.js';
import { shortened } from '../log/printable.js';
import type { OrderStatus, WaitingKey } from '../observe/status.js';
import { PLAIN } from './display.js';

/** Characters of a key. */
const KEY_WIDTH = 40;

/** What the order waits for, in a line; undefined without an order. */
export function orderText(order: OrderStatus): string | undefined {
  if (order.kind === 'total') return totalText(order);
  if (order.kind === 'key') return `key: ${plural(order.busy ?? 0, 'key')} busy`;
  return undefined;
}

function totalText({ parked, window, head }: OrderStatus): string {
  if (!head) return 'total: no result waits for an earlier one';
  const { inboxId, consumerId, attempt, ageMs } = head;
  const holder = consumerId === null ? 'no consumer holds it' : `attempt ${attempt}, with ${consumerId}`;
  const waiting = `${plural(parked, 'result')}${window === null ? '' : ` of at most ${numberText(window)}`}`;
  return `total: ${waiting} wait for message ${inboxId}, for ${aboutText(ageMs)} (${holder})`;
}

/** The heads of a table of {@link keyRows}. */
export const KEY_HEADS: readonly string[] = ['held', 'message in work', 'consumer', 'attempt', 'age'];

/** The keys behind which messages wait, as rows of a table: the key first. */
export function keyRows({ hottest }: OrderStatus, display = PLAIN): string[][] {
  return hottest.map(({ key, held, inboxId, consumerId, attempt, ageMs, halted }) => [
    shownKey(key),
    display.number(held),
    inboxId,
    halted ? 'halted' : (consumerId ?? 'none'),
    display.number(attempt),
    display.duration(ageMs),
  ]);
}

/** The key that waits too long for a message; undefined if none does. */
export function stuckText({ stuck }: OrderStatus): string | undefined {
  return stuck
    ? `stuck: the key ${shownKey(stuck.key)}: ${plural(stuck.held, 'message waits', 'messages wait')} for ${holderText(stuck)}`
    : undefined;
}

function holderText({ inboxId, ageMs, attempt, consumerId }: WaitingKey): string {
  return `message ${inboxId}, for ${aboutText(ageMs)} (attempt ${attempt}, with ${consumerId})`;
}

function shownKey(key: string): string {
  return shortened(key, KEY_WIDTH);
}
