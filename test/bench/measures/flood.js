import { CONTENDERS } from '../contenders/index.js';
import { checkDelivery } from '../stage/delivery.js';
import { measureLimit } from '../stage/limit.js';
import { preparePublisher, publish } from '../stage/publish.js';
import { Stage } from '../stage/stage.js';

/** Before the clock starts, a tenth of the messages goes through: code is compiled then, and connections are warm. */
const WARM_UP = 0.1;

/**
 * From PUBLISH to output at full flood. All contenders take turns in each round, and the limit with them, each on a
 * Redis of its own.
 *
 * @returns {Promise<{ messages: number, rounds: object[] }>} each round has the numbers of the limit and of each contender
 */
export async function flood({ messages, rounds, limit, say }) {
  const results = [];
  for (let n = 1; n <= rounds; n++) {
    const round = { limit: await measureLimit(limit) };
    for (const contender of CONTENDERS) {
      round[contender.name] = await Stage.use((stage) => once(stage, contender, messages));
      say(`round ${n}: ${contender.name} ${Math.round(round[contender.name].rate)} msg/s`);
    }
    results.push(round);
  }
  return { messages, rounds: results };
}

async function once(stage, contender, messages) {
  const child = await contender.launch(stage);
  const warmUp = Math.ceil(messages * WARM_UP);
  await publish(stage, { count: warmUp });
  await stage.untilOutput(warmUp);

  const go = await preparePublisher(stage, { first: warmUp, count: messages });
  const before = { redis: await stage.redisCpuMs(), node: child.usage().cpuMs };
  const { began, ended } = await go();
  await stage.untilOutput(warmUp + messages);
  const perMessage = (ms) => (ms * 1_000) / messages;
  const redisMicros = perMessage((await stage.redisCpuMs()) - before.redis);
  const nodeMicros = perMessage(child.usage().cpuMs - before.node);
  const { last } = await stage.outputTimes();
  await child.stop();
  await checkDelivery(stage, warmUp + messages);
  return {
    rate: (messages / (last - began)) * 1_000,
    publishedRate: (messages / (ended - began)) * 1_000,
    redisMicros,
    nodeMicros,
  };
}
