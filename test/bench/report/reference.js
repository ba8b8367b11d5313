import { ratio } from './statistics.js';

/** Ratios below so much of their reference have been halved: something is wrong, and it is not the noise. */
const HALVED = 0.5;

/** What `npm run bench -- --short` prints, and reference.json holds: median ratios of the flood's rate to those that it is held against. */
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
