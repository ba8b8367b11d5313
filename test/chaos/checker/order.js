/**
 * Inbox order is channel order: messages that both the group and the witness saw must come in the same order.
 *
 * @param {import('./types.js').Evidence} evidence
 * @param {Map<number, import('./place.js').Place>} places
 * @param {import('./findings.js').Findings} findings
 */
export function checkOrder({ witnessed }, places, findings) {
  let before;
  for (const n of witnessed) {
    const found = places.get(n);
    if (!found?.inboxId) continue;
    if (before && isAfter(before.inboxId, found.inboxId)) {
      const [earlier, later] = [before.published.id, found.published.id];
      findings.add('out of order', `${later} (${found.inboxId}) before ${earlier} (${before.inboxId})`);
    }
    before = found;
  }
}

/** Whether a stream id comes after another. */
function isAfter(a, b) {
  const [aMs, aSeq] = a.split('-').map(Number);
  const [bMs, bSeq] = b.split('-').map(Number);
  return aMs === bMs ? aSeq > bSeq : aMs > bMs;
}
