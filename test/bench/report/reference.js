import { ratio } from './statistics.js';

/** Ratios below so much of their reference have been halved: something is wrong, and it is not the noise. */
const HALVED = 0.5;

/**
 * Median ratios of the flood's rate to those that it is held against: what `npm run bench -- --short` prints, and reference.json
 * holds.
 *
 * Stored is the middle of seven short runs on two cores, most of them with two to four other processes for each core: to
 * the limit they had 0.060 to 0.118, to BullMQ 7.0 to 9.5, to the tutorial loop 4.0 to 6.5. So noise stays a third above
 * the half of what is stored, and a group that has become half as fast does not pass.
 */
export function floodRatios({ rounds }) {
  const against = (who) =>
    ratio(
      rounds,
      (round) => round.cgroup.rate,
      (round) => round[who].rate,
    ).median;
  return { limit: against('limit'), bullmq: against('bullmq'), tutorial: against('tutorial') };
}

/**
 * @param {Record<string, number>} ratios of this run
 * @param {Record<string, number>} reference of the run that is stored
 * @returns {{ name: string, ratio: number, reference: number, ok: boolean }[]}
 */
export function holdAgainst(ratios, reference) {
  return Object.entries(reference).map(([name, stored]) => ({
    name,
    ratio: ratios[name],
    reference: stored,
    ok: ratios[name] >= HALVED * stored,
  }));
}
