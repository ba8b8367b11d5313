import { startLocalServer } from '../../../dist/redis/local-server.js';
import { launchGroup } from '../contenders/index.js';
import { checkDelivery } from '../stage/delivery.js';
import { floodOnce } from '../stage/flooding.js';
import { Stage } from '../stage/stage.js';
import { latencyOnce } from './latency.js';

const SIZE = 4;

/**
 * What `--min-replicas` costs: one group on a master with replicas, which waits for none of them, for one, for two, in turn. The
 * servers share the cores and the memory of one machine: between hosts, the network's round trip comes on top of each latency.
 */
export async function replicas({ counts, messages, latency, rounds }, say) {
  const runs = [];
  for (let round = 1; round <= rounds; round++)
    for (const count of counts) {
      const launch = (stage) => launchGroup(stage, ['--size', SIZE, '--min-replicas', count]);
      const options = { there: Math.max(...counts) };
      const flood = await onMaster(options, (stage) => floodedOnce(stage, launch, messages));
      const { p50, p99, lateP99 } = await onMaster(options, (stage) => latencyOnce(stage, launch, latency));
      say(`round ${round}, waiting for ${count}: ${Math.round(flood.rate)} msg/s, p50 ${p50} ms`);
      runs.push({ waitsFor: count, round, ...flood, p50, p99, lateP99 });
    }
  return { messages, latency, there: Math.max(...counts), runs };
}

/** A stage whose Redis has so many replicas, all of which have caught up. */
function onMaster({ there }, work) {
  return Stage.use(async (stage) => {
    const servers = [];
    try {
      for (let i = 0; i < there; i++)
        servers.push(await startLocalServer({ args: ['--replicaof', '127.0.0.1', String(stage.port)] }));
      await stage.untilReaches(there, () => caughtUp(stage.redis), 'replicas');
      return await work(stage);
    } finally {
      await Promise.all(servers.map((server) => server.stop()));
    }
  });
}

async function caughtUp(redis) {
  const info = await redis.info('replication');
  return info.match(/^slave\d+:.*state=online/gm)?.length ?? 0;
}

async function floodedOnce(stage, launch, messages) {
  const child = await launch(stage);
  const { results, rate, redisMicros, nodeMicros } = await floodOnce(stage, child, messages);
  await child.stop();
  await checkDelivery(stage, results);
  return { rate, redisMicros, nodeMicros };
}
