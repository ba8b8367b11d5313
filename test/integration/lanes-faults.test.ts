import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { ConsumerGroup, type GroupOptions } from '../../src/group/consumer-group.js';
import { silentLogger } from '../../src/log/logger.js';
import { GroupClient } from '../../src/observe/client.js';
import { keysOf, lanesOf } from '../../src/redis/keys.js';
import { Connections } from '../../src/redis/protocol/connections.js';
import { type Cluster, startCluster } from '../helpers/cluster.js';
import { namespaceOn } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const LANES = 3;

/** Names whose base is at the first master, where no lane is: its slots end at 5,460. */
async function namesOn(cluster: Cluster) {
  for (;;) {
    const space = { ...namespaceOn(cluster.urls[0] as string), lanes: LANES };
    if ((await cluster.slotOf(space.output)) <= 5_460) return space;
  }
}

/** Two processes over lanes that are not at the node of the group, and a publisher at that one, which nothing happens to. */
async function underLoad(cluster: Cluster, options: GroupOptions = {}) {
  const space = await namesOn(cluster);
  for (let i = 0; i < 2; i++) {
    const group = new ConsumerGroup({ ...space, size: 2, ...options });
    onTestFinished(() => group.stop());
    await group.start();
  }
  const publisher = new Redis((await cluster.nodeOf(space.output)).url);
  onTestFinished(() => publisher.disconnect());
  let [published, stopped] = [0, false];
  const running = (async () => {
    while (!stopped) {
      const n = published++;
      await publisher.publish(space.channel, JSON.stringify({ message_id: n, k: n % 20 }));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  })();
  const client = await GroupClient.connect(space);
  onTestFinished(() => client.close());
  const progressed = async (by: number) => {
    const before = published;
    await until(() => published >= before + by, { what: 'more messages', timeout: 30_000 });
  };
  await progressed(100);
  /** Ends the load, and returns the ids of the results of each lane, in their order. */
  const end = async () => {
    await progressed(200);
    stopped = true;
    await running;
    const connections = new Connections(() => space, silentLogger);
    onTestFinished(() => connections.close());
    const results = async () =>
      Promise.all(
        lanesOf(space).map(async ({ output }) => {
          const connection = await connections.open('test', output);
          const entries = (await connection.call('XRANGE', output, '-', '+')) as [string, string[]][];
          connections.release(connection);
          return entries.map(([, fields]) => Number(fields[1 + fields.indexOf('message_id')]));
        }),
      );
    const all = () => results().catch(() => [] as number[][]);
    await until(async () => new Set((await all()).flat()).size >= published, {
      ...{ timeout: 30_000, every: 300 },
      what: 'a result of each message',
    });
    const found = await results();
    expect(found.flat()).toHaveLength(published);
    const { gaps, backlog } = await client.status();
    expect(backlog).toBe(0);
    expect(await client.verify()).toMatchObject({ ok: true, doubled: 0, lost: 0 });
    return { found, gaps };
  };
  return { space, progressed, end, laneNode: (lane: number) => cluster.nodeOf(`{${lane}}`) };
}

it('a replica of the node of a lane takes over, under load: with order by key each key stays in its order', async () => {
  const cluster = await startCluster();
  const { progressed, end, laneNode } = await underLoad(cluster, { order: 'key', orderKey: 'k' });
  const [replica] = await cluster.replicas(await laneNode(0));
  await cluster.failover(replica as never);
  await progressed(100);
  const { found, gaps } = await end();
  expect(gaps).toEqual([]);
  for (const lane of found) {
    const last = new Map<number, number>();
    for (const id of lane) {
      expect(id).toBeGreaterThan(last.get(id % 20) ?? -1);
      last.set(id % 20, id);
    }
  }
}, 90_000);

it('the node of a lane is killed under load, and with minReplicas nothing is lost', async () => {
  const cluster = await startCluster();
  const { progressed, end, laneNode } = await underLoad(cluster, { minReplicas: 1 });
  const node = await laneNode(0);
  await node.kill();
  await cluster.settled();
  // Until it is back, as a replica, the new master has none, and nothing counts as written.
  await node.restart();
  await progressed(100);
  // The bridge may tell a gap: what the old master had and its replica had not is relayed again from what is retained.
  await end();
}, 90_000);

it('the node of a lane stops for a moment, and a slot of another lane moves, under load', async () => {
  const cluster = await startCluster({ replicas: 0, nodeTimeout: 15_000 });
  const { space, progressed, end, laneNode } = await underLoad(cluster);
  const node = await laneNode(0);
  node.freeze();
  await progressed(300);
  node.thaw();
  await progressed(100);
  await cluster.moveSlot(await cluster.slotOf('{2}'), await cluster.nodeOf(space.output));
  await progressed(100);
  expect((await end()).gaps).toEqual([]);
}, 90_000);

it('the node of the group comes back with nothing: it knows the group and its lanes again, and a new process starts', async () => {
  const cluster = await startCluster({ replicas: 0 });
  const space = await namesOn(cluster);
  const start = async () => {
    const group = new ConsumerGroup({ ...space, size: 1 });
    onTestFinished(() => group.stop());
    await group.start();
  };
  await start();
  const { url } = await cluster.nodeOf(space.output);
  const redis = new Redis(url);
  onTestFinished(() => redis.disconnect());
  const { bridge } = keysOf(space);
  const publish = (id: string) => redis.publish(space.channel, JSON.stringify({ message_id: id }));
  const processed = async () => {
    // It is not told how many lanes there are.
    const client = await GroupClient.connect({ ...space, lanes: undefined });
    const { counters } = await client.status();
    await client.close();
    return counters.processed;
  };
  await publish('before');
  await until(async () => (await processed()) === 1, { what: 'the first result' });
  const names = ['group', 'lanes', 'channel', 'order'] as const;
  const before = await redis.hmget(bridge, ...names);
  await redis.flushall();
  await until(async () => (await redis.hget(bridge, 'group')) !== null, { what: 'the group in its hash' });
  expect(await redis.hmget(bridge, ...names)).toEqual(before);
  expect(before[1]).toBe(String(LANES));
  await start();
  await publish('after');
  await until(async () => (await processed()) === 2, { what: 'the second result' });
}, 60_000);
