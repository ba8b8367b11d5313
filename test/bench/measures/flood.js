import { contendersNamed } from '../contenders/index.js';
import { checkDelivery } from '../stage/delivery.js';
import { floodOnce } from '../stage/flooding.js';
import { measureLimit } from '../stage/limit.js';
import { Stage } from '../stage/stage.js';

/**
 * From PUBLISH to output at full flood. In each round all contenders and the limit take turns, each on a Redis of its
 * own.
 */
export async function flood({ contenders, messages, limit, rounds }, say) {
  const results = [];
  for (let round = 1; round <= rounds; round++) {
    const result = { limit: await measureLimit(limit) };
    for (const contender of contendersNamed(contenders)) {
      result[contender.name] = await Stage.use((stage) => once(stage, contender, messages));
      say(`round ${round}, ${contender.name}: ${Math.round(result[contender.name].rate)} msg/s`);
    }
    results.push(result);
  }
  return { messages, rounds: results };
}

async function once(stage, contender, messages) {
  const child = await contender.launch(stage);
  const { results, ...measured } = await floodOnce(stage, child, messages);
  await child.stop();
  await checkDelivery(stage, results);
  return measured;
}
