import { count, counted, duration } from './format.js';
import { byId, setText, showRows } from './tables.js';

/** Characters of a key in a sentence. */
const KEY_WIDTH = 60;

/** Shows what an order waits for; nothing without one. @param order as /api/status gives it */
export function showOrder(order) {
  byId('order-section').hidden = order.kind === 'none';
  setText(byId('order-text'), orderText(order));
  byId('keys-table').hidden = order.hottest.length === 0;
  const rows = order.hottest.map(({ key, held, inboxId, consumerId, attempt, ageMs, halted }) => [
    key,
    count(held),
    inboxId,
    halted ? 'halted' : (consumerId ?? 'none'),
    count(attempt),
    duration(ageMs),
  ]);
  showRows(byId('keys'), rows, ['text', 'number', 'id', '', 'number', 'number']);
}

/** What waits for one message for long, in sentences: results, or the messages of a key. */
export function orderNotes({ head, parked, stuck }) {
  const notes = [];
  if (head)
    notes.push(`${counted(parked, 'result')} ${parked === 1 ? 'waits' : 'wait'} for ${messageIn(head)}`);
  if (stuck)
    notes.push(
      `${counted(stuck.held, 'message')} of the key ${cut(stuck.key)} ${stuck.held === 1 ? 'waits' : 'wait'} for ${messageIn(stuck)}`,
    );
  return notes;
}

function messageIn({ inboxId, ageMs, consumerId, attempt }) {
  const holder = consumerId ? `: ${consumerId} has it, attempt ${attempt}` : '';
  return `message ${inboxId}, for ${duration(ageMs)}${holder}`;
}

function orderText({ kind, busy, hottest, parked, window }) {
  if (kind === 'total')
    return `total: ${count(parked)} of at most ${count(window)} results wait for earlier ones`;
  const shown = hottest.length > 0 ? `; the ${count(hottest.length)} behind which most messages wait:` : '';
  return kind === 'key' ? `by key: ${counted(busy, 'key')} busy${shown}` : '';
}

function cut(key) {
  return key.length > KEY_WIDTH ? `${key.slice(0, KEY_WIDTH)}…` : key;
}
