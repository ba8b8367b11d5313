import { writeFileSync } from 'node:fs';
import { inTurn } from '../helpers/in-turn.js';
import { chooseFaults } from './faults/index.js';
import { markdownOf } from './markdown.js';
import { checkMutants } from './mutant-run.js';
import { HELP, readOptions } from './options.js';
import { list, roundLines, table } from './report.js';

const PREPARATION = ['node config/ensure-redis.mjs', 'npm run build'];
const say = (...lines) => process.stdout.write(`${lines.join('\n')}\n`);

process.exitCode = await main(process.argv.slice(2));

/** Help, lists and usage errors come first, before anything is built. */
async function main(args) {
  let options;
  let faults;
  try {
    options = readOptions(args);
    faults = chooseFaults(options.faults, options.on);
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    return 2;
  }
  if (options.help) say(HELP);
  else if (options.list) say(...list());
  else if (options.table) say(...markdownOf(options.table.split(',')));
  else {
    const failed = inTurn(...PREPARATION);
    if (failed) return failed;
    return options.mutants ? checkMutants(options, say) : chaos(faults, options);
  }
  return 0;
}

async function chaos(faults, options) {
  say(
    `seed ${options.seed}, ${faults.length} faults, ${options.rate} messages/s, ${options.bridges} bridges, order ${options.order}, on ${options.on}`,
  );
  // It needs the build.
  const { run } = await import('./run.js');
  const results = await run(faults, options, (result) => say(...roundLines(result, options)));
  say('', ...table(results));
  if (options.json)
    writeFileSync(options.json, `${JSON.stringify({ seed: options.seed, results }, null, 2)}\n`);
  return exitCode(results, options);
}

function exitCode(results, { faults, strictTimes }) {
  const any = (verdict) => results.some((result) => result.verdict === verdict);
  if (any('failed') || (strictTimes && results.some(({ slow }) => slow))) return 1;
  // A fault that was asked for by name and is impossible here counts like one that did not happen.
  return any('invalid') || (any('not possible') && !faults.includes('all')) ? 2 : 0;
}
