import { launchGroup } from '../contenders/index.js';
import { middleRate } from '../report/statistics.js';
import { fillBacklog } from '../stage/backlog.js';
import { checkDelivery } from '../stage/delivery.js';
import { Stage } from '../stage/stage.js';

/**
 * Throughput out of a backlog against the number of consumers; the processor waits `work` ms for each message. With
 * work, the backlog lasts for `seconds`; its first and last tenth do not count. Without work the machine limits the
 * rate, so there are more rounds.
 */
export async function scaling({ sizes, works, seconds, messages, rounds, roundsWithoutWork }, say) {
  const runs = [];
  for (let round = 1; round <= Math.max(rounds, roundsWithoutWork); round++)
    for (const work of works.filter((one) => round <= (one === 0 ? roundsWithoutWork : rounds)))
      for (const size of sizes) {
        const count = work === 0 ? messages : Math.ceil((size * seconds * 1_000) / work);
        const args = ['--size', size, '--simulate-ms', work];
        const rate = await Stage.use((stage) => outOfBacklog(stage, args, count));
        runs.push({ size, work, round, rate });
        say(`round ${round}, ${size} consumers, ${work} ms of work: ${Math.round(rate)} msg/s`);
      }
  return { runs };
}

/** @returns {Promise<number>} msg/s of consumers with such settings */
export async function outOfBacklog(stage, args, count) {
  await fillBacklog(stage, count);
  const child = await launchGroup(stage, ['--bridge', 'off', ...args]);
  await stage.untilOutput(count);
  await child.stop();
  const { times } = await checkDelivery(stage, count);
  return middleRate(times);
}
