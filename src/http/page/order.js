import { count, counted, duration } from './format.js';
import { byId, setText, showRows } from './tables.js';

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

function orderText({ kind, busy, hottest, parked, window }) {
  if (kind === 'total')
    return `total: ${count(parked)} of at most ${count(window)} results wait for earlier ones`;
  const shown = hottest.length > 0 ? `; the ${count(hottest.length)} behind which most messages wait:` : '';
  return kind === 'key' ? `by key: ${counted(busy, 'key')} busy${shown}` : '';
}
