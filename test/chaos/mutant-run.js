import { chooseFaults } from './faults/index.js';
import { MUTANTS } from './mutants.js';
import { roundLines } from './report.js';
import { playRound } from './round.js';

/** Runs each mutant under the faults that must reveal it. Exit code 1 if the checker passes one. */
export async function checkMutants(options, say) {
  const missed = [];
  for (const [mutant, { faults, line }] of Object.entries(MUTANTS)) {
    const results = [];
    for (const fault of chooseFaults(faults)) results.push(await playRound([fault], { ...options, mutant }));
    const found = results.some(({ verdict }) => verdict === 'failed');
    if (!found) missed.push(mutant);
    say(
      `${found ? 'found ' : 'MISSED'} ${mutant}: ${line}`,
      ...results.flatMap((one) => roundLines(one, options)),
    );
  }
  say(missed.length > 0 ? `not found: ${missed.join(', ')}` : 'every mutant was found');
  return missed.length > 0 ? 1 : 0;
}
