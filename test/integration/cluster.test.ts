import { expect, onTestFinished, test } from 'vitest';
import { silentLogger } from '../../src/log/logger.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { RedisPlace } from '../../src/redis/protocol/place.js';
import { type Cluster, type RedisNode, startCluster } from '../helpers/cluster.js';
import { onStage } from '../helpers/fail-over.js';
import { isRedict, withRedis } from '../helpers/redis.js';

const redis = withRedis();
const OUTPUT = 'messages:processed';

/** The name of a consumer list at another node than the output's. */
async function listElsewhere(cluster: Cluster): Promise<string> {
  const node = await cluster.nodeOf(OUTPUT);
  for (let i = 0; ; i++) if ((await cluster.nodeOf(`ids:${i}`)) !== node) return `ids:${i}`;
}

async function otherMaster(cluster: Cluster, than: RedisNode): Promise<RedisNode> {
  return (await cluster.masters()).find((node) => node !== than) as RedisNode;
}

test('a group outlives the masters of both its slots, one after the other', async () => {
  const cluster = await startCluster();
  const list = await listElsewhere(cluster);
  // Any node will do.
  const node = await otherMaster(cluster, await cluster.nodeOf(OUTPUT));
  const stage = await onStage({
    url: node.url,
    master: () => cluster.nodeOf(OUTPUT),
    flags: ['--consumer-list', list],
  });
  await cluster.kill(await cluster.nodeOf(list));
  await cluster.nodeOf(list);
  await stage.works();
  await cluster.kill(await cluster.nodeOf(OUTPUT));
  await stage.works();
  expect((await stage.end(1)).published).toBeGreaterThan(200);
});

test.skipIf(isRedict)('a slot moves under load, and back, and a fail-over by command follows', async () => {
  const cluster = await startCluster();
  const stage = await onStage({
    url: cluster.urls.join(',').replaceAll(',redis://', ','),
    master: () => cluster.nodeOf(OUTPUT),
  });
  const slot = await cluster.slotOf(OUTPUT);
  const first = await cluster.nodeOf(OUTPUT);
  const second = await otherMaster(cluster, first);
  await cluster.moveSlot(slot, second, { hold: () => new Promise((resolve) => setTimeout(resolve, 300)) });
  await stage.works();
  await cluster.moveSlot(slot, first);
  await stage.works();
  await cluster.failover((await cluster.replicas(first))[0] as RedisNode);
  await stage.works();
  await stage.end(3);
});

test('several servers that are no Cluster are refused at once', async () => {
  const url = `redis://127.0.0.1:${redis.server.port},127.0.0.1:${redis.server.port}`;
  const connection = new Connection(new RedisPlace({ redis: url, output: OUTPUT }), 'test', silentLogger);
  onTestFinished(() => connection.close());
  await expect(connection.connect({ timeout: 60_000 })).rejects.toThrow(
    /is no node of a Cluster, but the URL names several servers/,
  );
});
