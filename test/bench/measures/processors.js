import { KINDS } from '../processors/index.js';
import { checkDelivery } from '../stage/delivery.js';
import { floodOnce } from '../stage/flooding.js';
import { measureLimit } from '../stage/limit.js';
import { Stage } from '../stage/stage.js';
import { latencyOnce } from './latency.js';

/**
 * The same processor that does nothing, as each kind of processor: end to end at full flood, and the latency at a steady
 * rate. In each round all kinds and the limit take turns, in alternating order.
 *
 * @param {object} size `messages`: of each kind's flood; `latency`: rate and seconds, or undefined for none
 */
export async function processors({ messages, latency, limit, rounds }, say) {
  const results = [];
  for (let round = 1; round <= rounds; round++) {
    const result = { limit: await measureLimit(limit) };
    const kinds = Object.keys(KINDS);
    for (const kind of round % 2 === 1 ? kinds : kinds.toReversed()) {
      const flood = await Stage.use((stage) => floodThrough(stage, KINDS[kind], messages[kind]));
      const times = latency && (await Stage.use((stage) => latencyOnce(stage, KINDS[kind], latency)));
      result[kind] = { ...flood, ...times };
      say(`round ${round}, ${kind}: ${Math.round(flood.rate)} msg/s, p99 ${times?.p99} ms`);
    }
    results.push(result);
  }
  return { messages, latency, rounds: results };
}

async function floodThrough(stage, launch, messages) {
  const team = await launch(stage);
  const { results, ...measured } = await floodOnce(stage, team, messages);
  await team.stop();
  await checkDelivery(stage, results);
  return measured;
}
