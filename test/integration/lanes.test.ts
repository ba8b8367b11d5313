import { expect, it, onTestFinished } from 'vitest';
import { ConsumerGroup } from '../../src/group/consumer-group.js';
import { silentLogger } from '../../src/log/logger.js';
import { GroupClient } from '../../src/observe/client.js';
import { lanesOf } from '../../src/redis/keys.js';
import { Connections } from '../../src/redis/protocol/connections.js';
import { withCluster } from '../helpers/cluster.js';
import { namespaceOn, withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const cluster = withCluster({ replicas: 0 });
const plain = withRedis();

async function groupWith(settings: object) {
  const space = { ...namespaceOn(cluster().urls[0] as string), lanes: 3 };
  const start = async (more: object = {}) => {
    const group = new ConsumerGroup({ ...space, ...settings, ...more });
    onTestFinished(() => group.stop());
    await group.start();
    return group;
  };
  const connections = new Connections(() => space, silentLogger);
  onTestFinished(() => connections.close());
  const publisher = await connections.open('test');
  const publish = (from: number, to: number) =>
    Promise.all(
      Array.from({ length: to - from }, (_, i) =>
        publisher.call('PUBLISH', space.channel, JSON.stringify({ message_id: `${from + i}`, k: i % 50 })),
      ),
    );
  const results = async () => {
    const found: { lane: number; id: string; k: number }[] = [];
    for (const [lane, { output }] of lanesOf(space).entries()) {
      const connection = await connections.open('test', output);
      const entries = (await connection.call('XRANGE', output, '-', '+')) as [string, string[]][];
      connections.release(connection);
      for (const [, fields] of entries) {
        const data = JSON.parse(fields[fields.indexOf('data') + 1] as string) as {
          message_id: string;
          k: number;
        };
        found.push({ lane, id: data.message_id, k: data.k });
      }
    }
    return found;
  };
  return { space, start, publish, results };
}

it('deals messages to three lanes, each once, and a second process goes on when the first stops', async () => {
  const { space, start, publish, results } = await groupWith({});
  const first = await start();
  const second = await start();
  await publish(0, 2_000);
  const stopped = first.stop();
  await publish(2_000, 4_000);
  await stopped;
  const client = await GroupClient.connect(space);
  onTestFinished(() => client.close());
  await until(async () => (await client.status()).counters.processed === 4_000, { what: 'all results' });
  const found = await results();
  expect(new Set(found.map(({ id }) => id)).size).toBe(4_000);
  expect(found).toHaveLength(4_000);
  expect(new Set(found.map(({ lane }) => lane)).size).toBe(3);
  expect((await second.status()).gaps).toEqual([]);
});

it('keeps the order of each key, which stays in one lane', async () => {
  const { start, publish, results } = await groupWith({ order: 'key', orderKey: 'k' });
  await start();
  await publish(0, 1_000);
  await until(async () => (await results()).length === 1_000, { what: 'all results' });
  const lanes = new Map<number, number>();
  const last = new Map<number, number>();
  for (const { lane, id, k } of await results()) {
    expect(lanes.get(k) ?? lane).toBe(lane);
    lanes.set(k, lane);
    expect(Number(id)).toBeGreaterThan(last.get(k) ?? -1);
    last.set(k, Number(id));
  }
});

it('refuses another number of lanes while the group runs, and off a Cluster', async () => {
  const { start } = await groupWith({});
  await start();
  await expect(start({ lanes: 2 })).rejects.toThrow(/lanes 3/);
  const off = new ConsumerGroup({ ...plain.namespace(), lanes: 2 });
  await expect(off.start()).rejects.toThrow(/lanes are streams at several nodes of a Redis Cluster/);
});
