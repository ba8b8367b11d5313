import { backAfter, checkSettled } from './fail-over.js';
import { Findings } from './findings.js';
import { checkHouse } from './house.js';
import { losses } from './losses.js';
import { checkOrder, checkOutputOrder } from './order.js';
import { place } from './place.js';

/**
 * Compares what was published with its results. Pure: the same evidence gives the same verdict.
 *
 * @param {import('./types.js').Evidence} evidence
 * @returns {import('./types.js').Verdict}
 */
export function check(evidence) {
  const findings = new Findings();
  const { cutOff = [] } = evidence;
  // Nothing is promised for them but that none is doubled.
  const unknown = cutOff.map((one) => ({ ...one, receivers: undefined }));
  const places = place({ ...evidence, published: [...evidence.published, ...unknown] }, findings);
  const { lost, inGaps } = losses(evidence, places);

  for (const { id } of lost) findings.add('lost', id);
  if (!evidence.mayLoseInGaps) for (const { id } of inGaps) findings.add('lost in a gap', id);
  checkOrder(evidence, places, findings);
  checkOutputOrder(evidence, findings);
  checkHouse(evidence, findings);
  const settledLost = checkSettled(evidence, findings);

  const doubled = [...places.values()].filter(({ results, deadLetters }) => results + deadLetters > 1).length;
  return {
    findings: findings.list(),
    numbers: {
      published: evidence.published.length,
      accepted: evidence.published.filter((one) => isAccepted(one, evidence.place)).length,
      unknown: evidence.published.filter(({ receivers }) => receivers === undefined).length,
      processed: evidence.output.length,
      dead: evidence.dead.length,
      lost: lost.length,
      inGaps: inGaps.length,
      doubled,
      settledLost,
      cutOff: cutOff.filter(({ receivers }) => receivers !== undefined).length,
      cutOffKept: cutOff.filter(({ n }) => places.get(n).results + places.get(n).deadLetters > 0).length,
      back: backAfter(evidence.promotions ?? [], evidence.output),
    },
  };
}

/**
 * Whether a bridge has certainly received it. A single receiver may have been the witness. If the witness was away at
 * that moment it was a bridge, but that is unknown. Of several servers: whether the master has taken it. If no bridge was there, that
 * is a gap.
 *
 * @param {import('./types.js').Published} published
 * @param {'one' | 'replicated'} [place]
 */
export function isAccepted({ receivers }, place = 'one') {
  return receivers !== undefined && receivers >= (place === 'one' ? 2 : 0);
}
