import { launchGroup } from '../contenders/index.js';
import { publish } from './publish.js';

/** Fills the inbox: a bridge relays `count` messages and ends, and no consumer runs. */
export async function fillBacklog(stage, count) {
  const bridge = await launchGroup(stage, ['--bridge', 'only']);
  await publish(stage, { count });
  await stage.untilReaches(count, async () => (await stage.counters()).relayed, 'relayed');
  await bridge.stop();
}
