/**
 * What a publisher that follows the master may count as published: what the server took while it was the master before and after.
 * What an old master takes is lost. The reply of other messages counts as lost.
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
    const isSame = before?.address !== undefined && before.address === after?.address;
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
 * What was reported as settled and is not in the output, or was made again later. With a total order a result that is settled may have
 * to wait for others before it is in the output: then only the first counts.
 *
 * @param {import('./types.js').Evidence} evidence
 * @returns {{ inboxId: string, isLate: boolean, what: string }[]} `isLate`: reported after a promotion: the new master has never had
 *   it. `what`: in words
 */
export function lostAgain({ settled = [], output, order, promotions = [] }) {
  const written = new Map(output.map(({ id, inboxId }) => [inboxId, timeOf(id)]));
  const lost = new Map();
  for (const { inboxId, at } of settled) {
    const time = written.get(inboxId);
    if (order === 'total' ? time !== undefined : time <= at) continue;
    const since = promotions.map(({ named }) => at - named);
    const now = time === undefined ? 'not in the output' : `written ${time - at} ms later`;
    const what = `${inboxId} (reported ${since.join(', ')} ms after the promotion, ${now})`;
    lost.set(inboxId, { inboxId, isLate: time === undefined && since.some((ms) => ms >= 0), what });
  }
  return [...lost.values()];
}

/**
 * No result that was reported as settled is lost, if the group waits for all replicas. If it waits for some, another one may become
 * the master, which has less.
 *
 * @param {import('./types.js').Evidence} evidence
 * @param {import('./findings.js').Findings} findings
 * @returns {number} how many are lost
 */
export function checkSettled(evidence, findings) {
  const { minReplicas = 0, replicas = 0 } = evidence;
  const lost = lostAgain(evidence);
  if (minReplicas > 0 && minReplicas >= replicas)
    for (const { isLate, what } of lost)
      findings.add(isLate ? 'reported as settled, never written' : 'settled, then lost', what);
  return lost.length;
}

/** ms since 1970 of an entry. */
function timeOf(id) {
  return Number(id.split('-')[0]);
}
