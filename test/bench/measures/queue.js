import { setTimeout as sleep } from 'node:timers/promises';
import { compareIds } from '../../../dist/core/stream-id.js';
import { launchGroup } from '../contenders/index.js';
import { OUTPUT } from '../names.js';
import { checkDelivery } from '../stage/delivery.js';
import { messageOf } from '../stage/messages.js';
import { Stage } from '../stage/stage.js';
import { millisecondsOf } from '../stage/stream-id.js';

const LIST = 'orders';
const PROCESSES = 3;
/** Messages of one RPUSH. */
const BATCH = 1_000;
/** ms for which a process is stopped. */
const STOPPED_MS = 3_000;
/** ms after a fault in which the longest pause of the output counts. */
const AFTER_MS = 5_000;

/** What is done to the group, each at a share of its time: name, and the act on the processes. */
const FAULTS = [
  { name: 'killed', at: 0.2, strike: async ([, second]) => second.signal('SIGKILL') },
  {
    name: 'stopped',
    at: 0.45,
    strike: async ([first]) => {
      first.signal('SIGSTOP');
      await sleep(STOPPED_MS);
      first.signal('SIGCONT');
    },
  },
  {
    name: 'cut',
    at: 0.75,
    strike: (_all, stage) => stage.redis.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes'),
  },
];

/**
 * A queue: a list, processes that share its messages out, slow work, and an output in the order of the list. Without faults,
 * and with a process killed (another one starts at once), one stopped, and all connections cut.
 */
export async function queue({ messages, work, size }, say) {
  const calm = await Stage.use((stage) => once(stage, { messages, work, size }, []));
  say(`${calm.seconds} s, ideal ${calm.ideal} s`);
  const faulty = await Stage.use((stage) => once(stage, { messages, work, size }, FAULTS));
  say(`with faults ${faulty.seconds} s, pauses of the output: ${JSON.stringify(faulty.pauses)} ms`);
  return { messages, work, processes: PROCESSES, size, calm, faulty };
}

async function once(stage, { messages, work, size }, faults) {
  const args = ['--list', LIST, '--order', 'total', '--size', size, '--simulate-ms', work];
  const all = await Promise.all(Array.from({ length: PROCESSES }, () => launchGroup(stage, args)));
  const began = Date.now();
  for (let from = 0; from < messages; from += BATCH) {
    const some = Array.from({ length: Math.min(BATCH, messages - from) }, (_, i) => messageOf(from + i));
    await stage.redis.rpush(LIST, ...some);
  }
  const ideal = (messages / (PROCESSES * size)) * (work / 1_000);
  const strikes = faults.map(async ({ name, at, strike }) => {
    await sleep(at * ideal * 1_000);
    const struck = Date.now();
    await strike(all, stage);
    if (name === 'killed') void launchGroup(stage, args);
    return { name, struck };
  });
  await stage.untilOutput(messages);
  const times = await checkOrder(stage, messages);
  await checkDelivery(stage, messages);
  const pauses = (await Promise.all(strikes)).map(({ name, struck }) => [name, pauseAfter(times, struck)]);
  return { seconds: (times.at(-1) - began) / 1_000, ideal, pauses: Object.fromEntries(pauses) };
}

/** ms of the longest pause of the output in the seconds after a fault. */
function pauseAfter(times, struck) {
  let longest = 0;
  for (let i = 1; i < times.length; i++)
    if (times[i] >= struck && times[i - 1] <= struck + AFTER_MS)
      longest = Math.max(longest, times[i] - times[i - 1]);
  return longest;
}

/**
 * The output has the order of the list, which is that of the numbers.
 *
 * @throws {Error} that names the first result out of order
 * @returns {Promise<number[]>} when each result was written, ms since 1970
 */
async function checkOrder(stage, messages) {
  const entries = await stage.redis.xrange(OUTPUT, '-', '+');
  entries.forEach(([id, fields], n) => {
    const found = fields[fields.indexOf('message_id') + 1];
    const wanted = JSON.parse(messageOf(n)).message_id;
    if (n < messages && found !== wanted) throw new Error(`order: ${id} is ${found}, not ${wanted}`);
    if (n > 0 && compareIds(entries[n - 1][0], id) >= 0) throw new Error(`${id} is no later id`);
  });
  return entries.map(([id]) => millisecondsOf(id));
}
