import { setTimeout as sleep } from 'node:timers/promises';
import { launchGroup } from '../contenders/index.js';
import { checkDelivery } from '../stage/delivery.js';
import { preparePublisher } from '../stage/publish.js';
import { sample } from '../stage/sample.js';
import { Stage } from '../stage/stage.js';

const SIZE = 4;
const EVERY_MS = 100;
/** Publishers of a burst: Redis reads from each in turn, so a single one would be limited by its share. */
const PUBLISHERS = 200;
/** ms without a result after which no more are expected. */
const QUIET_MS = 15_000;
/** ms before the burst, for a process at rest. */
const REST_MS = 1_000;

/** A burst, published as fast as possible: all of it is relayed and processed, and the memory is released. */
export function burst({ messages, afterSeconds }, say) {
  return Stage.use(async (stage) => {
    const child = await launchGroup(stage, ['--size', SIZE]);
    await sleep(REST_MS);
    const before = child.usage().rss;
    const go = await preparePublisher(stage, { count: messages, connections: PUBLISHERS });
    const memory = sample(EVERY_MS, () => child.usage().rss);
    const { began, ended } = await go();
    const processed = await stage.untilQuiet(messages, () => stage.outputLength(), QUIET_MS);
    const { last } = await stage.outputTimes();
    await sleep(afterSeconds * 1_000);
    const readings = (await memory.end()).map(({ at, value }) => ({ at: Math.round(at), rss: value }));
    const { relayed, gaps } = await stage.counters();
    const { rss: after, peak } = child.usage();
    await child.stop();
    if (processed === messages) await checkDelivery(stage, messages);
    const seconds = (ended - began) / 1_000;
    say(`published in ${seconds} s; ${mb(before)}, at most ${mb(peak)}, at the end ${mb(after)}`);
    return {
      messages,
      publishers: PUBLISHERS,
      seconds,
      doneSeconds: (last - began) / 1_000,
      relayed,
      processed,
      gaps,
      before,
      peak,
      after,
      afterSeconds,
      readings,
    };
  });
}

function mb(bytes) {
  return `${Math.round(bytes / 1e6)} MB`;
}
