import { keyOf } from '../messages.js';

/** Stands for the key if all messages have one order. */
const ALL = 'all';

/**
 * Inbox order is channel order: messages that both the group and the witness saw must come in the same order. With an order
 * by key that holds for the messages of each key: those that wait behind another one come to the inbox later. What was published on
 * the smaller side of a split has no order with the others: witness and group are at two servers then.
 *
 * @param {import('./types.js').Evidence} evidence
 * @param {Map<number, import('./place.js').Place>} places
 * @param {import('./findings.js').Findings} findings
 */
export function checkOrder({ witnessed, order, cutOff = [] }, places, findings) {
  const last = new Map();
  const apart = new Set(cutOff.map(({ n }) => n));
  for (const n of witnessed) {
    const found = places.get(n);
    if (!found?.inboxId || apart.has(n)) continue;
    const key = order === 'key' ? keyOf(n, found.published.kind) : ALL;
    if (key === undefined) continue;
    const before = last.get(key);
    if (before && isAfter(before.inboxId, found.inboxId)) {
      const [earlier, later] = [before.published.id, found.published.id];
      findings.add('out of order', `${later} (${found.inboxId}) before ${earlier} (${before.inboxId})`);
    }
    last.set(key, found);
  }
}

/**
 * The output has the order that was asked for: that of the inbox, in all or for each key.
 *
 * @param {import('./types.js').Evidence} evidence
 * @param {import('./findings.js').Findings} findings
 */
export function checkOutputOrder({ order, output }, findings) {
  if (order === 'none') return;
  /** The inbox id of the last result, of all or of each key. */
  const last = new Map();
  for (const { id, inboxId, data } of output) {
    const key = order === 'key' ? JSON.parse(data).k : ALL;
    if (key === undefined) continue;
    const before = last.get(key);
    if (before && isAfter(before, inboxId))
      findings.add('output out of order', `output ${id}: ${inboxId} after ${before} (${key})`);
    last.set(key, inboxId);
  }
}

/** Whether a stream id comes after another. */
function isAfter(a, b) {
  const [aMs, aSeq] = a.split('-').map(Number);
  const [bMs, bSeq] = b.split('-').map(Number);
  return aMs === bMs ? aSeq > bSeq : aMs > bMs;
}
