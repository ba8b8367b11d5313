import { isAccepted } from './check.js';

/** ms that a PUBLISH may lie outside of its gap: the age of a beat, plus the time of a message on its way. */
const SLACK = 1_000;
/** The same for a gap that a fail-over made: a message takes its time. */
const SLACK_OF_PROMOTION = 100;

/**
 * Accepted messages without a result or a dead letter, split by whether a gap covers them.
 *
 * @param {import('./types.js').Evidence} evidence
 * @param {Map<number, import('./place.js').Place>} places
 */
export function losses({ published, gaps, emptiedAt, place, promotions = [] }, places) {
  const slack = promotions.length > 0 ? SLACK_OF_PROMOTION : SLACK;
  const missing = published.filter((one) => {
    const { results, deadLetters } = places.get(one.n);
    return results + deadLetters === 0 && isAccepted(one, place) && one.sentAt > emptiedAt;
  });
  const inGaps = missing.filter((one) => gaps.some((gap) => tellsOf(gap, one, slack)));
  return { lost: missing.filter((one) => !inGaps.includes(one)), inGaps };
}

/** Both times are of Redis's clock, which a fault may have moved during the gap. */
function tellsOf({ from, to }, { redisBefore, redisAfter, sentAt }, slack) {
  const [first, last] = [Math.min(from, to) - slack, Math.max(from, to) + slack];
  return (redisAfter ?? sentAt) >= first && (redisBefore ?? sentAt) <= last;
}
