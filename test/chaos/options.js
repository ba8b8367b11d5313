import { parseArgs } from 'node:util';
import { PLACES } from './places/index.js';

export const HELP = `npm run chaos -- [options]

Breaks a running group in every way there is, one or two at a time, while messages are published, and holds what
came out against what went in. Each fault proves that it happened.

  --on PLACE       one: a Redis; sentinel: a master with two replicas and three Sentinels; cluster: three masters
                   with a replica each. Each has faults of its own; one
  --min-replicas N the group waits for so many replicas; not on one
  --faults LIST    faults or families, with commas between; all (default)
  --seed N         order and choices; the current time by default, and printed
  --messages N     go on until so many messages were published (every fault once at least); 100000
  --minutes N      go on for so many minutes (every fault once at least)
  --rate N         messages per second; 5000
  --pairs          two faults at a time
  --bridges N      processes of the group, and bridges that are subscribed; 2
  --order KIND     the group runs with this order, total or key, and the output must have it; none
  --back-within MS a group that is back at work later after a promotion counts as slow; 3000
  --strict-times   an outage that is longer than promised fails the round
  --mutant NAME    break the build itself in a known way: the checker must find it
  --mutants        run each mutant, and fail if one is not found
  --json FILE      write the results there, too
  --table FILES    only print a table in Markdown of such files, with commas between
  --list           the faults and the mutants, a line each

Exit code 0: all is well; 1: the checker found something; 2: wrong usage, or a fault did not happen.`;

const ORDERS = ['none', 'total', 'key'];
const NUMBERS = ['seed', 'messages', 'minutes', 'rate', 'bridges', 'min-replicas', 'back-within'];

/**
 * @param {string[]} args
 * @throws {TypeError} for an unknown option, or a value that is no number
 */
export function readOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      faults: { type: 'string', default: 'all' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      messages: { type: 'string', default: '100000' },
      minutes: { type: 'string', default: '0' },
      rate: { type: 'string', default: '5000' },
      bridges: { type: 'string', default: '2' },
      pairs: { type: 'boolean', default: false },
      order: { type: 'string', default: 'none' },
      on: { type: 'string', default: 'one' },
      'min-replicas': { type: 'string', default: '0' },
      'back-within': { type: 'string', default: '3000' },
      'strict-times': { type: 'boolean', default: false },
      mutant: { type: 'string' },
      mutants: { type: 'boolean', default: false },
      json: { type: 'string' },
      table: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (!ORDERS.includes(values.order))
    throw new TypeError(`--order is none of ${ORDERS.join(', ')}: ${values.order}`);
  if (!PLACES.includes(values.on)) throw new TypeError(`--on is none of ${PLACES.join(', ')}: ${values.on}`);
  if (values.on === 'one' && values['min-replicas'] !== '0')
    throw new TypeError('--min-replicas needs --on sentinel or --on cluster: one server has no replicas');
  const numbers = NUMBERS.map((name) => [name, numberOf(name, values[name])]);
  const { 'strict-times': strictTimes, ...rest } = values;
  const { 'min-replicas': minReplicas, 'back-within': backWithin, ...counts } = Object.fromEntries(numbers);
  return { ...rest, strictTimes, minReplicas, backWithin, faults: values.faults.split(','), ...counts };
}

function numberOf(name, text) {
  const number = Number(text);
  if (!Number.isFinite(number) || number < 0 || text === '')
    throw new TypeError(`--${name} is no number: ${text}`);
  return number;
}
