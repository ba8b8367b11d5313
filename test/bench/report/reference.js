import { ratio } from './statistics.js';

/** A ratio below this part of its reference is not noise: something is wrong. */
const HALVED = 0.5;

/**
 * Median ratios of the flood's rate to the rates that it is compared with: `npm run bench -- --short` prints them, and
 * reference.json holds them.
 *
 * reference.json holds the median of seven short runs on two cores, most of them with two to four other processes per
 * core. The ratios were 0.060 to 0.118 to the limit, 7.0 to 9.5 to BullMQ, 4.0 to 6.5 to the tutorial loop. So noise stays
 * a third above half of the reference, and a group that has become half as fast does not pass.
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
