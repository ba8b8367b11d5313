import { isAccepted } from './check.js';

/** ms that a PUBLISH may lie outside of its gap: the age of a beat, plus the time of a message on its way. */
const SLACK = 1_000;

/**
 * Accepted messages without a result or a dead letter, split by whether a gap covers them.
 *
 * @param {import('./types.js').Evidence} evidence
 * @param {Map<number, import('./place.js').Place>} places
 */
export function losses({ published, gaps, emptiedAt }, places) {
  const missing = published.filter((one) => {
    const { results, deadLetters } = places.get(one.n);
    return results + deadLetters === 0 && isAccepted(one) && one.sentAt > emptiedAt;
  });
  const inGaps = missing.filter((one) => gaps.some((gap) => tellsOf(gap, one)));
  return { lost: missing.filter((one) => !inGaps.includes(one)), inGaps };
}

/** Both times are of Redis's clock, which a fault may have moved during the gap. */
function tellsOf({ from, to }, { redisBefore, redisAfter, sentAt }) {
  const [first, last] = [Math.min(from, to) - SLACK, Math.max(from, to) + SLACK];
  return (redisAfter ?? sentAt) >= first && (redisBefore ?? sentAt) <= last;
}
