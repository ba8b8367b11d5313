import { parseArgs } from 'node:util';

export const HELP = `node test/record/long.js [options]        (after npm run build)

Payments go through a group into PostgreSQL, while processes, PostgreSQL and Redis are killed and stopped. At the end each
message has one row, the balances are the sum of the amounts to the cent, and the output says what the rows say.

  --messages N     500000
  --processes N    processes of the group; 3
  --size N         consumers of each; 4
  --simulate-ms N  how long a message takes; 0
  --concurrency N  messages that a consumer processes at a time; 10
  --calm           no faults: for the rate
  --no-sql         no statement besides the rows
  --seed N         order and choices of the faults; the current time by default, and printed

Exit code 0: all is exact; 1: it is not; 2: wrong usage, or a fault did not happen because all was processed before.`;

const DEFAULTS = {
  messages: 500_000,
  processes: 3,
  size: 4,
  'simulate-ms': 0,
  concurrency: 10,
  seed: Date.now() % 1_000_000,
};

/**
 * @param {string[]} args
 * @throws {TypeError} for an unknown option, or a value that is no number
 */
export function readOptions(args) {
  const flag = { type: 'boolean', default: false };
  const numbers = Object.fromEntries(
    Object.entries(DEFAULTS).map(([name, value]) => [name, { type: 'string', default: String(value) }]),
  );
  const { values } = parseArgs({ args, options: { ...numbers, calm: flag, 'no-sql': flag, help: flag } });
  for (const name of Object.keys(DEFAULTS)) {
    if (!/^\d+$/.test(values[name])) throw new TypeError(`--${name} is no whole number: ${values[name]}`);
    values[name] = Number(values[name]);
  }
  return values;
}
