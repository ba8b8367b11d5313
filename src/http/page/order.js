import { button, byId, make, row, setText, showCells, showItems, showRows, tableIn } from './dom.js';
import { count, counted, duration } from './format.js';

const KEYS = [
  ['key', 'text'],
  ['held', 'number'],
  ['message in work', 'id'],
  ['consumer', ''],
  ['attempt', 'number'],
  ['age', 'number'],
];
const HALTS = [
  ['dead letter', 'id'],
  ['inbox id', 'id'],
  ['what waits for it', 'text'],
  ['', 'acts'],
];

const keys = tableIn(byId('keys-table'), KEYS, 'keys');
const halts = tableIn(byId('halted-table'), HALTS, 'halted');

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
  showRows(keys, rows, KEYS);
}

function orderText({ kind, busy, hottest, parked, window }) {
  if (kind === 'total')
    return `total: ${count(parked)} of at most ${count(window)} results wait for earlier ones`;
  const shown = hottest.length > 0 ? `; the ${count(hottest.length)} behind which most messages wait:` : '';
  return kind === 'key' ? `by key: ${counted(busy, 'key')} busy${shown}` : '';
}

/** Shows what stops an order (onDead halt). @param actions of {@link LetterActions} */
export function showHalted({ halted, haltedCount }, actions) {
  byId('halted-section').hidden = haltedCount === 0;
  showItems(halts, halted, {
    key: ({ inboxId }) => inboxId,
    create: () => row(HALTS),
    update: (element, { deadId, inboxId, key }) => {
      const waits = key === null ? 'all later results' : `the messages of the key ${key}`;
      showCells(element, [deadId === '' ? 'tried again' : deadId, inboxId, waits]);
      showButtons(element.lastElementChild, deadId, actions);
    },
  });
  const all = halted.length === haltedCount;
  setText(byId('halted-shown'), all ? '' : `the first ${count(halted.length)} of ${count(haltedCount)}`);
}

function showButtons(cell, deadId, actions) {
  if (cell.dataset.of === deadId) return;
  cell.dataset.of = deadId;
  const meant = { ids: [deadId], name: deadId };
  const names = deadId === '' ? [] : ['retry', 'skip'];
  const buttons = names.map((name) =>
    button(name === 'retry' ? 'Retry …' : 'Skip …', () => actions.ask(name, meant), { class: 'action' }),
  );
  cell.replaceChildren(make('span', { class: 'tools' }, ...buttons));
}
