import { GroupClient } from '../../../dist/index.js';
import { launchGroup } from '../contenders/index.js';
import { preparePublisher, publish } from '../stage/publish.js';
import { sample } from '../stage/sample.js';
import { Stage } from '../stage/stage.js';

const SIZE = 4;
const EVERY_MS = 1_000;

/**
 * The time of each step with total order: a burst that is published at once, and a soak at half of what the burst got through.
 * The steps are those that `cgroup verify --steps` prints.
 */
export async function steps({ messages, seconds, kept }, say) {
  const burst = await Stage.use(async (stage) => {
    const child = await launchGroup(stage, ['--size', SIZE, '--order', 'total']);
    const go = await preparePublisher(stage, { count: messages });
    const { began } = await go();
    await stage.untilOutput(messages);
    const { last } = await stage.outputTimes();
    return { rate: (messages / (last - began)) * 1_000, ...(await stepsOf(stage)), peak: child.usage().peak };
  });
  say(`burst: ${Math.round(burst.rate)} msg/s`);
  const rate = Math.round(burst.rate / 2);
  const soak = await Stage.use(async (stage) => {
    const child = await launchGroup(stage, ['--size', SIZE, '--order', 'total', '--output-max-len', kept]);
    const memory = sample(EVERY_MS, () => child.usage().rss);
    const count = rate * seconds;
    await publish(stage, { count, rate });
    await stage.untilReaches(count, async () => (await stage.counters()).processed, 'processed');
    const readings = (await memory.end()).map(({ at, value }) => ({ at: Math.round(at), rss: value }));
    return { rate, ...(await stepsOf(stage)), peak: child.usage().peak, readings };
  });
  say(`soak: ${rate} msg/s for ${seconds} s, at most ${Math.round(soak.peak / 1e6)} MB`);
  return { messages, seconds, burst, soak };
}

/** Percentiles of each step of the results that the output holds, ms. */
async function stepsOf(stage) {
  const client = await GroupClient.connect({ redis: `redis://127.0.0.1:${stage.port}` });
  try {
    const { steps } = await client.verify({ steps: true });
    return { steps };
  } finally {
    client.close();
  }
}
