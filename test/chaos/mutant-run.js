import { spawnSync } from 'node:child_process';
import { chooseFaults } from './faults/index.js';
import { MUTANT } from './group-process.js';
import { MUTANTS } from './mutants.js';
import { roundLines } from './report.js';
import { playRound } from './round.js';

/** Runs each mutant under the faults, or with the test, that must reveal it. Exit code 1 if one passes. */
export async function checkMutants(options, say) {
  const missed = [];
  for (const [mutant, { faults, test, line }] of Object.entries(MUTANTS)) {
    const results = [];
    for (const fault of chooseFaults(faults ?? []))
      results.push(await playRound([fault], { ...options, mutant }));
    const found = test ? fails(test, mutant) : results.some(({ verdict }) => verdict === 'failed');
    if (!found) missed.push(mutant);
    say(
      `${found ? 'found ' : 'MISSED'} ${mutant}: ${line}${test ? ` (${test})` : ''}`,
      ...results.flatMap((one) => roundLines(one, options)),
    );
  }
  say(missed.length > 0 ? `not found: ${missed.join(', ')}` : 'every mutant was found');
  return missed.length > 0 ? 1 : 0;
}

/** Whether an integration test fails with a mutant. That it passes without one is not shown here. */
function fails(test, mutant) {
  const env = { ...process.env, NO_COLOR: '1', NODE_OPTIONS: `--import ${MUTANT}`, CHAOS_MUTANT: mutant };
  const args = ['run', '--project', 'integration', `test/integration/${test}`, '--coverage.enabled=false'];
  const { stdout } = spawnSync('npx', ['vitest', ...args], { env, encoding: 'utf8' });
  // Not if it could not begin.
  return /^ *Tests +\d+ failed/m.test(stdout);
}
