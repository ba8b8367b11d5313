/**
 * What a publisher that follows the master may count as published: what the server took while it was the master before and after.
 * What an old master takes, nobody keeps. The reply of other messages counts as lost.
 *
 * @param {import('./types.js').Published[]} published
 * @param {import('./types.js').Look[] | undefined} looks in their order; undefined if there is one server only
 * @returns {import('./types.js').Published[]}
 */
export function takenByMaster(published, looks) {
  if (!looks) return published;
  return published.map((one) => {
    const before = looks.findLast(({ ended }) => ended <= one.redisBefore);
    const after = looks.find(({ began }) => began >= one.redisAfter);
    const isSame = before?.port !== undefined && before.port === after?.port;
    return isSame ? one : { ...one, receivers: undefined };
  });
}

/**
 * ms from each promotion to the first result after it; the longest. Undefined without promotions, or if no result came after one.
 *
 * @param {import('./types.js').Promotion[]} promotions
 * @param {import('./types.js').Result[]} output
 */
export function backAfter(promotions, output) {
  const waits = promotions.map(({ at }) => {
    const first = output.find(({ id }) => timeOf(id) >= at);
    return first && timeOf(first.id) - at;
  });
  return waits.length === 0 || waits.includes(undefined) ? undefined : Math.max(...waits);
}

/**
 * Inbox ids whose result was reported as settled and then lost: it is not in the output, or was made again later.
 *
 * @param {import('./types.js').Settled[]} settled
 * @param {import('./types.js').Result[]} output
 */
export function lostAgain(settled, output) {
  const written = new Map(output.map(({ id, inboxId }) => [inboxId, timeOf(id)]));
  const lost = settled.filter(({ inboxId, at }) => !(written.get(inboxId) <= at));
  return [...new Set(lost.map(({ inboxId }) => inboxId))];
}

/**
 * @param {import('./types.js').Evidence} evidence
 * @param {import('./findings.js').Findings} findings
 */
export function checkSettled({ settled = [], output, minReplicas = 0 }, findings) {
  const lost = lostAgain(settled, output);
  if (minReplicas > 0) for (const id of lost) findings.add('settled, then lost', id);
  return lost.length;
}

/** ms since 1970 of an entry. */
function timeOf(id) {
  return Number(id.split('-')[0]);
}
