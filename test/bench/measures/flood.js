import { CONTENDERS } from '../contenders/index.js';
import { checkDelivery } from '../stage/delivery.js';
import { measureLimit } from '../stage/limit.js';
import { meter } from '../stage/meter.js';
import { preparePublisher, publish } from '../stage/publish.js';
import { Stage } from '../stage/stage.js';

/** Before the clock starts, so many of the messages go through: code is compiled then, and connections are warm. */
const WARM_UP = 0.1;

/**
 * From PUBLISH to output at full flood. All contenders take turns in each round, and the limit with them, each on a
 * Redis of its own.
 */
export async function flood({ messages, limit, rounds }, say) {
  const results = [];
  for (let round = 1; round <= rounds; round++) {
    const result = { limit: await measureLimit(limit) };
    for (const contender of CONTENDERS) {
      result[contender.name] = await Stage.use((stage) => once(stage, contender, messages));
      say(`round ${round}, ${contender.name}: ${Math.round(result[contender.name].rate)} msg/s`);
    }
    results.push(result);
  }
  return { messages, rounds: results };
}

/** @returns msg/s from the first PUBLISH to the last result, msg/s of the publisher, and CPU per message */
async function once(stage, contender, messages) {
  const child = await contender.launch(stage);
  const warmUp = Math.ceil(messages * WARM_UP);
  await publish(stage, { count: warmUp });
  await stage.untilOutput(warmUp);

  const go = await preparePublisher(stage, { first: warmUp, count: messages });
  const costs = await meter(stage, child);
  const { began, ended } = await go();
  await stage.untilOutput(warmUp + messages);
  const cost = await costs(messages);
  const { last } = await stage.outputTimes();
  await child.stop();
  await checkDelivery(stage, warmUp + messages);
  return {
    rate: (messages / (last - began)) * 1_000,
    publishedRate: (messages / (ended - began)) * 1_000,
    ...cost,
  };
}
