import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { ConsumerGroup, type GroupOptions } from '../../src/group/consumer-group.js';
import { silentLogger } from '../../src/log/logger.js';
import { keysOf, laneKeys } from '../../src/redis/keys.js';
import { confirmLanes, refuseOtherLanes } from '../../src/redis/lanes-change.js';
import { Connections } from '../../src/redis/protocol/connections.js';
import { withCluster } from '../helpers/cluster.js';
import { groupWithLanes, type TestLane } from '../helpers/lanes.js';
import { type Namespace, namespaceOn, withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const cluster = withCluster({ replicas: 0 });
const plain = withRedis();
const url = () => cluster().urls[0] as string;

/** What a start with so many lanes is refused with; undefined if it is not. */
async function refusalOf(space: Namespace, lanes: number): Promise<string | undefined> {
  const names = { ...space, lanes, group: 'cgroup' };
  const connections = new Connections(() => space, silentLogger);
  onTestFinished(() => connections.close());
  const at = await connections.open('test');
  return refuseOtherLanes(connections, at, names).then(
    () => undefined,
    (error: Error) => error.message,
  );
}

it('another number of lanes is refused while one of them has messages, wherever they are', async () => {
  const { space, lanes } = await groupWithLanes(url(), 3);
  const [first, , last] = lanes as [TestLane, TestLane, TestLane];
  expect(await refusalOf(space, 2)).toBeUndefined();
  const [a, b] = await last.relay('a', 'b');
  expect(await refusalOf(space, 3)).toBeUndefined();
  for (const other of [1, 2, 4])
    expect(await refusalOf(space, other)).toBe(
      `lanes cannot become ${other} yet: the group has 3 lanes, and 2 messages wait in ${last.keys.output}. ` +
        'Type cgroup start --lanes 3, wait until cgroup status shows no backlog, and stop it',
    );
  await last.commit(a as never);
  await last.bury([b as never]);
  // The last lane goes on to exist with four, and its dead letter can be sent back.
  expect(await refusalOf(space, 4)).toBeUndefined();
  const dead =
    `and 1 dead letter is in ${last.keys.output}. Type cgroup start --lanes 3, and cgroup dead retry --all ` +
    '(or cgroup dead purge), wait until cgroup status shows no backlog and no dead letters, and stop it';
  for (const other of [1, 2]) expect(await refusalOf(space, other)).toContain(dead);
  // Behind a dead letter that stops a key messages may come, and the key may be in another lane then.
  const member = `${'0'.repeat(20)}-${'1'.padStart(20, '0')}\0${'1-1'}\0"k"`;
  await first.connection.call('ZADD', first.keys.halted, 0, member);
  expect(await refusalOf(space, 4)).toContain(`and 1 dead letter is in ${first.keys.output}. `);
  await first.relay('c');
  expect(await refusalOf(space, 1)).toContain(
    `and 1 message waits in ${first.keys.output}, 1 dead letter is in ${last.keys.output}. `,
  );
});

it('messages and dead letters of a group without lanes keep it from getting some', async () => {
  const { space, base, keys } = await groupWithLanes(url(), 1);
  expect(await refusalOf(space, 3)).toBeUndefined();
  await base.call('XADD', keys.inbox, '*', 'm', 'x');
  expect(await refusalOf(space, 3)).toContain(
    `the group has 1 lane, and 1 message waits in ${space.output}. `,
  );
  await base.call('DEL', keys.inbox);
  await base.call('XADD', keys.dead, '*', 'message', 'x');
  expect(await refusalOf(space, 3)).toContain(`1 dead letter is in ${space.output}. `);
});

it('a process that finds another number after its start says so, and off a Cluster there is one lane', async () => {
  const { space, base } = await groupWithLanes(url(), 3);
  await expect(confirmLanes(base, { ...space, lanes: 2 })).rejects.toThrow(
    'another process of this group runs with --lanes 3, and this one has 2',
  );
  await confirmLanes(base, space);
  expect(await refusalOf(plain.namespace(), 2)).toMatch(
    /lanes are streams at several nodes of a Redis Cluster/,
  );
  expect(await refusalOf(plain.namespace(), 1)).toBeUndefined();
});

/** Starts and stops processes of one output, and publishes numbered messages. */
function processesOf(space: Namespace) {
  const redis = new Redis(space.redis);
  onTestFinished(() => redis.disconnect());
  let published = 0;
  return {
    start: async (options: GroupOptions) => {
      const group = new ConsumerGroup({ ...space, size: 2, ...options });
      onTestFinished(() => group.stop());
      await group.start();
      return group;
    },
    publish: async (count: number) => {
      const pipeline = redis.pipeline();
      for (let i = 0; i < count; i++)
        pipeline.publish(space.channel, JSON.stringify({ message_id: `${published + i}` }));
      await pipeline.exec();
      published += count;
    },
    /** The results of all lanes that ever were, and of none. */
    results: async () => {
      const connections = new Connections(() => space, silentLogger);
      const outputs = [keysOf(space), ...[0, 1, 2].map((lane) => laneKeys(space, lane))];
      const counts = await Promise.all(
        outputs.map(async ({ output }) => {
          const connection = await connections.open('test', output);
          const entries = (await connection.call('XRANGE', output, '-', '+')) as [string, string[]][];
          return entries.map(([, fields]) => fields[fields.indexOf('message_id') + 1]);
        }),
      );
      connections.close();
      return counts;
    },
    published: () => published,
  };
}

it('a drained group takes another number of lanes, up and down, and loses and doubles nothing', async () => {
  const space = namespaceOn(url());
  const { start, publish, results, published } = processesOf(space);
  let gaps: { from: number; to: number }[] = [];
  for (const lanes of [1, 2, 3, 1, 3]) {
    const group = await start({ lanes });
    await publish(500);
    await until(async () => (await results()).flat().length === published(), {
      what: `results of ${lanes} lanes`,
    });
    const other = start({ lanes: lanes === 2 ? 3 : 2 });
    await expect(other).rejects.toThrow(new RegExp(`lanes ${lanes}|--lanes ${lanes}`));
    await until(async () => (await group.status()).backlog === 0);
    gaps = (await group.status()).gaps.map(({ from, to }) => ({
      from: Date.parse(from),
      to: Date.parse(to),
    }));
    gaps.sort((a, b) => a.to - b.to);
    await group.stop();
  }
  const found = await results();
  expect(new Set(found.flat()).size).toBe(2_500);
  expect(found.flat()).toHaveLength(2_500);
  expect(found.map(({ length }) => length > 0)).toEqual([true, true, true, true]);
  // Each start tells of the time without a bridge, and of no other: the lanes of the last one had older positions than the group.
  expect(gaps).toHaveLength(4);
  for (const [i, { from }] of gaps.entries()) expect(from).toBeGreaterThanOrEqual(gaps[i - 1]?.to ?? 0);
}, 60_000);

it('a start with another number is refused while a process lives that only consumes, and may start when that is gone', async () => {
  const space = namespaceOn(url());
  const { start } = processesOf(space);
  const relaying = await start({ lanes: 2, bridge: 'only' });
  const consuming = await start({ lanes: 2, bridge: 'off' });
  await relaying.stop();
  // The seat of its bridge counts for 2 s.
  await new Promise((resolve) => setTimeout(resolve, 2_100));
  await expect(start({ lanes: 3 })).rejects.toThrow(
    'another process of this group runs with --lanes 2, and this one has 3',
  );
  await consuming.stop();
  await start({ lanes: 3 });
}, 30_000);
