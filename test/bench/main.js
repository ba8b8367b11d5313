import { CommanderError } from 'commander';
import { inTurn } from '../helpers/in-turn.js';
import { readOptions } from './options.js';

const PREPARATION = ['node config/ensure-redis.mjs', 'npm run build', 'node test/bench/install.js'];

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));

process.exitCode = await main(process.argv.slice(2));

/** Help and usage errors come first, before anything is built or installed. */
async function main(args) {
  let options;
  try {
    options = readOptions(args);
  } catch (error) {
    // Printed already; 0 after --help.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
  const failed = inTurn(...PREPARATION);
  if (failed) return failed;
  // Imported here, when its packages are installed.
  const { bench } = await import('./bench.js');
  return bench(options);
}
