import { expect, test } from 'vitest';
import { type Cluster, type RedisNode, startCluster } from '../helpers/cluster.js';
import { onStage } from '../helpers/fail-over.js';

const OUTPUT = 'messages:processed';
const CHANNEL = 'messages:published';

async function another(cluster: Cluster, than: RedisNode): Promise<RedisNode> {
  return (await cluster.masters()).find((node) => node !== than) as RedisNode;
}

test('a sharded channel moves to another node and fails over there, and so does the group', async () => {
  const cluster = await startCluster();
  const stage = await onStage({
    url: cluster.urls[0] as string,
    master: () => cluster.nodeOf(OUTPUT),
    sharded: () => cluster.nodeOf(CHANNEL),
  });
  const slot = await cluster.slotOf(CHANNEL);
  await cluster.moveSlot(slot, await another(cluster, await cluster.nodeOf(CHANNEL)));
  await stage.works();
  await cluster.moveSlot(await cluster.slotOf(OUTPUT), await another(cluster, await cluster.nodeOf(OUTPUT)));
  await stage.works();
  await cluster.kill(await cluster.nodeOf(CHANNEL));
  await stage.works();
  const { published } = await stage.end(2);
  expect(published).toBeGreaterThan(300);
});
