import { agree } from './faults/index.js';
import { Random } from './random.js';
import { playRound } from './round.js';

/** Added to the seed of a round for its second try. */
const ANOTHER = 500_000;

/**
 * Plays rounds until each fault has had its turn, and the requested messages and minutes are reached.
 *
 * @param {import('./faults/index.js').Fault[]} faults
 * @param {ReturnType<typeof import('./options.js').readOptions>} options
 * @param {(result: object) => void} report called with each result
 */
export async function run(faults, options, report) {
  const began = performance.now();
  const random = new Random(options.seed);
  const results = [];
  const published = () => results.reduce((sum, { numbers }) => sum + (numbers?.published ?? 0), 0);
  const enough = () =>
    published() >= options.messages && performance.now() - began >= options.minutes * 60_000;
  // Each pass has a seed of its own, which the report names, so that a round can be replayed alone.
  let { seed } = options;
  do {
    for (const round of rounds(faults, options.pairs, random)) {
      const result = await play(round, { ...options, seed });
      results.push(result);
      report(result);
    }
    seed++;
  } while (!enough() && results.some(({ numbers }) => numbers));
  return results;
}

/** On a busy machine, or if two faults interfere, a fault may not happen: then it is tried once more. */
async function play(round, options) {
  const result = await playRound(round, options);
  if (result.verdict !== 'invalid') return result;
  return playRound(round, { ...options, seed: options.seed + ANOTHER });
}

/** Every fault once, in random order. In pairs: each with another one that it agrees with. */
function rounds(faults, pairs, random) {
  const shuffled = random.shuffle(faults);
  if (!pairs) return shuffled.map((fault) => [fault]);
  return shuffled.flatMap((fault) => {
    const others = faults.filter((other) => agree(fault, other));
    return others.length > 0 ? [[fault, random.pick(others)]] : [];
  });
}
