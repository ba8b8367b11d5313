import { compareIds } from '../../../dist/core/stream-id.js';
import { launchGroup } from '../contenders/index.js';
import { OUTPUT } from '../names.js';
import { Crew } from '../stage/crew.js';
import { checkDelivery } from '../stage/delivery.js';
import { floodOnce } from '../stage/flooding.js';
import { measureLimit } from '../stage/limit.js';
import { Stage } from '../stage/stage.js';

const BY_KEY = ['--order', 'key', '--order-key', 'key'];

/** Each kind: the order of the group, and how the keys of its messages are spread. */
const KINDS = {
  none: { keys: 'uniform', args: [] },
  total: { keys: 'uniform', args: ['--order', 'total'] },
  uniform: { keys: 'uniform', args: BY_KEY },
  zipf: { keys: 'zipf', args: BY_KEY },
  hot: { keys: 'hot', args: BY_KEY },
};
const PROCESSES = 2;
const SIZE = 2;
const PAGE = 5_000;

/** Full flood with each order. In each round all kinds and the limit take turns, in alternating order. */
export async function orders({ messages, limit, rounds }, say) {
  const results = [];
  for (let round = 1; round <= rounds; round++) {
    const result = { limit: await measureLimit(limit) };
    const kinds = Object.keys(KINDS);
    for (const kind of round % 2 === 1 ? kinds : kinds.toReversed()) {
      result[kind] = await Stage.use((stage) => once(stage, KINDS[kind], messages));
      say(`round ${round}, ${kind}: ${Math.round(result[kind].rate)} msg/s`);
    }
    results.push(result);
  }
  return { messages, rounds: results };
}

async function once(stage, { keys, args }, messages) {
  const launch = () => launchGroup(stage, ['--size', SIZE, ...args]);
  const crew = new Crew(await Promise.all(Array.from({ length: PROCESSES }, launch)));
  const { results, ...measured } = await floodOnce(stage, crew, messages, keys);
  await crew.stop();
  await checkDelivery(stage, results);
  if (args.length > 0) await checkOrder(stage, args === BY_KEY);
  return measured;
}

/**
 * Reads the whole output: the ids of the inbox must rise, in all or for each key.
 *
 * @throws {Error} that names the first result that is too late
 */
async function checkOrder(stage, byKey) {
  const last = new Map();
  for (let from = '-'; ; ) {
    const page = await stage.redis.xrange(OUTPUT, from, '+', 'COUNT', PAGE);
    for (const [id, fields] of page) {
      const inboxId = fields[fields.indexOf('inbox_id') + 1];
      const key = byKey ? JSON.parse(fields[fields.indexOf('data') + 1]).key : '';
      const before = last.get(key);
      if (before && compareIds(before, inboxId) >= 0)
        throw new Error(`order: ${id} has ${inboxId} after ${before}`);
      last.set(key, inboxId);
      from = `(${id}`;
    }
    if (page.length < PAGE) return;
  }
}
