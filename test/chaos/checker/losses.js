import { isAccepted } from './check.js';

/** ms that the time of a PUBLISH may lie outside of a gap: a beat may be so old, and so may a message on its way. */
const SLACK = 1_000;

/**
 * Accepted messages of which nothing came, apart by whether a gap tells of them.
 *
 * @param {import('./types.js').Evidence} evidence
 * @param {Map<number, import('./place.js').Place>} places
 */
export function losses({ published, gaps, emptiedAt }, places) {
  const missing = published.filter((one) => {
    const { results, letters } = places.get(one.n);
    return results + letters === 0 && isAccepted(one) && one.sentAt > emptiedAt;
  });
  const inGaps = missing.filter((one) => gaps.some((gap) => tellsOf(gap, one)));
  return { lost: missing.filter((one) => !inGaps.includes(one)), inGaps };
}

/** Both times are those of Redis's clock, which a fault may have moved while the gap lasted. */
function tellsOf({ from, to }, { redisBefore, redisAfter, sentAt }) {
  const [first, last] = [Math.min(from, to) - SLACK, Math.max(from, to) + SLACK];
  return (redisAfter ?? sentAt) >= first && (redisBefore ?? sentAt) <= last;
}
