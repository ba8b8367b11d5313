import { launchGroup } from '../contenders/index.js';
import { fillBacklog } from '../stage/backlog.js';
import { checkDelivery } from '../stage/delivery.js';
import { measureLimit } from '../stage/limit.js';
import { Stage } from '../stage/stage.js';

const SIZE = 4;

/** A backlog that was relayed while no consumer ran: from its first result to its last. */
export async function drain({ messages, limit, rounds }, say) {
  const results = [];
  for (let round = 1; round <= rounds; round++) {
    const result = {
      limit: await measureLimit(limit),
      cgroup: await Stage.use((stage) => once(stage, messages)),
    };
    say(`round ${round}: ${Math.round(result.cgroup.rate)} msg/s`);
    results.push(result);
  }
  return { messages, rounds: results };
}

async function once(stage, messages) {
  await fillBacklog(stage, messages);
  const child = await launchGroup(stage, ['--bridge', 'off', '--size', SIZE]);
  await stage.untilOutput(messages);
  const { first, last } = await stage.outputTimes();
  await child.stop();
  await checkDelivery(stage, messages);
  return { rate: (messages / (last - first)) * 1_000 };
}
