import slotOf from 'cluster-key-slot';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import type { ProcessReport } from '../../src/core/control.js';
import { silentLogger } from '../../src/log/logger.js';
import { RedisConsumerStore } from '../../src/redis/consumer-store.js';
import { readFacts } from '../../src/redis/doctor-facts.js';
import { Inspector } from '../../src/redis/inspect.js';
import { keysOf, registryKeysOf } from '../../src/redis/keys.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { RedisRegistry } from '../../src/redis/registry.js';
import { freshRedis, namespaceOn } from '../helpers/redis.js';
import { GROUP } from '../helpers/stores.js';
import { until } from '../helpers/until.js';

const LONG = 60_000;
const ANNA = { who: 'anna@desk', why: 'by hand' };

/** A group whose two slots are at two nodes of a Cluster, and connections to each. */
async function onTwoNodes() {
  const args = ['--cluster-enabled', 'yes', '--cluster-require-full-coverage', 'no'];
  const [first, second] = [await freshRedis(args), await freshRedis(args)];
  const space = namespaceOn(first.url);
  const keys = keysOf(space);
  const [one, other] = [first, second].map(({ url }) => {
    const client = new Redis(url, { retryStrategy: () => null });
    client.on('error', () => {});
    onTestFinished(() => client.disconnect());
    return client;
  }) as [Redis, Redis];
  const ofRegistry = slotOf(keys.consumerList);
  const rest = Array.from({ length: 16_384 }, (_, slot) => slot).filter((slot) => slot !== ofRegistry);
  await one.call('CLUSTER', 'ADDSLOTS', ...rest);
  await other.call('CLUSTER', 'ADDSLOTS', ofRegistry);
  await one.call('CLUSTER', 'MEET', '127.0.0.1', second.port);
  for (const client of [one, other])
    await until(async () => {
      const info = String(await client.call('CLUSTER', 'INFO'));
      return info.includes('cluster_state:ok') && info.includes('cluster_slots_assigned:16384');
    });
  const connect = async ({ url }: { url: string }, key: string) => {
    const connection = new Connection(url, 'test', silentLogger, key);
    onTestFinished(() => connection.close());
    await connection.connect();
    return connection;
  };
  const group = await connect(first, keys.output);
  const registry = await connect(second, keys.consumerList);
  await new RedisConsumerStore(group, keys, GROUP, { kind: 'channel', name: space.channel }).prepare();
  const processOf = (id: string) => {
    const beats = new RedisRegistry(group, keys, { id, host: id, pid: 1, output: space.output }, registry);
    const report: ProcessReport = {
      ...{ id, host: id, pid: 1, managed: true, capacity: 64 },
      ...{ consumers: 0, settled: 0, busyMs: 0 },
    };
    return {
      beat: (leaves = false, silence = LONG) =>
        leaves
          ? beats.beat(undefined, [], [`${id}-1`], silence)
          : beats.beat(report, [`${id}-1`], [], silence),
    };
  };
  return {
    ...{ space, keys, first, one, other, group, registry, processOf },
    inspector: new Inspector(group, keys, GROUP, registry),
    more: () => connect(first, keys.output),
  };
}

test('a group whose two slots are at two nodes of a Cluster beats, is read and is controlled', async () => {
  const { keys, one, other, processOf, inspector } = await onTwoNodes();
  const [a, b] = [processOf('a'), processOf('b')];
  const { control } = inspector;
  await control.change({ size: 6 }, ANNA);
  for (let round = 0; round < 2; round++) for (const each of [a, b]) await each.beat();
  expect((await inspector.liveConsumers()).consumers.map(({ id }) => id)).toEqual(['a-1', 'b-1']);
  expect(await control.processes()).toMatchObject([{ share: 3 }, { share: 3 }]);
  await control.change({ drained: ['a', 'rack-4'] }, ANNA);
  expect((await control.readAll()).processes).toMatchObject([{ drained: true }, { drained: false }]);
  expect((await a.beat()).control.drained).toEqual(['a', 'rack-4']);

  await one.hset(keys.control, 'size', 'many');
  expect(await b.beat()).toMatchObject({ control: { size: 6, revision: 3 }, healed: ['size'] });
  await a.beat(true);
  expect((await control.change({ paused: true }, ANNA)).drained).toEqual(['rack-4']);
  expect(await inspector.read()).toMatchObject({ backlog: 0 });
  expect((await inspector.totals()).leader).toBeNull();

  // No node has keys of the other.
  const registry = registryKeysOf(keys);
  expect((await other.keys('*')).sort()).toEqual(registry.sort());
  expect((await one.keys('*')).filter((key) => registry.includes(key))).toEqual([]);
}, 60_000);

test.each(['killed', 'stopped'])(
  'while the node of the output is %s, the consumers of live processes stay in the list',
  async (how) => {
    const { keys, first, other, processOf } = await onTwoNodes();
    const a = processOf('a');
    const silence = 2_000;
    await a.beat(false, silence);
    if (how === 'killed') await first.kill();
    else process.kill(first.pid, 'SIGSTOP');
    const beginning = Date.now();
    let failed = 0;
    await until(
      async () => {
        const reply = await a.beat(false, silence).catch((error: unknown) => error);
        expect(reply).toMatchObject({ code: expect.stringMatching(/REDIS_UNREACHABLE|OUTCOME_UNKNOWN/) });
        expect(await other.lrange(keys.consumerList, 0, -1)).toEqual(['a-1']);
        failed++;
        return Date.now() > beginning + 3 * silence;
      },
      { what: 'the list to outlive the silence' },
    );
    expect(failed).toBeGreaterThan(3);
    await expect(a.beat(true, silence)).rejects.toMatchObject({ name: 'CgroupError' });
    expect(await other.lrange(keys.consumerList, 0, -1)).toEqual([]);
  },
  60_000,
);

test('the doctor asks each node for its keys', async () => {
  const { keys, space, other, group, registry, processOf, more } = await onTwoNodes();
  await processOf('a').beat();
  await other.hset(keys.members, 'a-1', 'text');
  const [listener, trial] = [await more(), await more()];
  const facts = await readFacts({
    ...{ keys, connection: group, registry, atChannel: group, listener, trial, connectionTo: more },
    claimAfter: 3_000,
    names: { ...space, group: GROUP, outputType: 'stream' },
  });
  expect(facts).toMatchObject({
    rights: { complete: true, commands: [], keys: [], channels: [] },
    wrongKeys: [],
    unseenKeys: [],
    foreign: [{ key: keys.members, field: 'a-1', command: ['HDEL', keys.members, 'a-1'] }],
    live: 1,
    control: { processes: [{ id: 'a' }] },
  });
}, 60_000);
