import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { GroupClient } from '../../src/observe/client.js';
import type { LocalServer } from '../../src/redis/local-server.js';
import type { CliRun } from '../helpers/cli.js';
import { freshRedis, type Namespace, namespaceOn } from '../helpers/redis.js';
import { countersOf, entriesOf, logOf, settled, startGroup } from '../helpers/running.js';
import { until } from '../helpers/until.js';

interface Scene {
  server: LocalServer;
  space: Namespace;
  client: Redis;
  group: CliRun;
}

const BEFORE = 1_000;
const AFTER = 100;

/** A busy group: all messages are relayed, and not all can be processed yet. */
async function scene(flags: string[] = []): Promise<Scene> {
  // Redis keeps all that it has confirmed.
  const server = await freshRedis(['--appendonly', 'yes', '--appendfsync', 'always']);
  const space = namespaceOn(server.url);
  const client = new Redis(server.url);
  client.on('error', () => {});
  onTestFinished(() => client.disconnect());
  const work = ['-n', '2', '--simulate-ms', '5', '--heartbeat', '300ms'];
  const group = await startGroup(space, [...work, ...flags]);
  await publish(client, space, 0, BEFORE);
  await until(async () => (await countersOf(client, space)).relayed === BEFORE);
  expect((await countersOf(client, space)).processed).toBeLessThan(BEFORE);
  return { server, space, client, group };
}

async function publish(client: Redis, { channel }: Namespace, from: number, count: number): Promise<void> {
  const pipeline = client.pipeline();
  for (let id = from; id < from + count; id++) pipeline.publish(channel, JSON.stringify({ message_id: id }));
  await pipeline.exec();
}

/** The group goes on by itself: earlier and later messages are processed, each once; its ids are listed. */
async function expectToGoOn({ space, client, group }: Scene): Promise<void> {
  await until(() => settled(client, space, BEFORE), { timeout: 20_000, what: 'the old to be processed' });
  await until(async () => (await client.pubsub('NUMSUB', space.channel))[1] === 1, { what: 'a bridge' });
  await publish(client, space, BEFORE, AFTER);
  await until(() => settled(client, space, BEFORE + AFTER), { what: 'the new to be processed' });
  const ids = (await entriesOf(client, space.output)).map(({ message_id }) => Number(message_id));
  expect(ids.sort((a, b) => a - b)).toEqual(Array.from({ length: BEFORE + AFTER }, (_, id) => id));
  expect((await countersOf(client, space)).dead).toBe(0);
  await until(async () => (await client.llen(space.consumerList)) === 2, { what: 'both ids to be listed' });
  expect(await group.kill()).toEqual({ code: 0, signal: null });
  expect(await client.llen(space.consumerList)).toBe(0);
}

test('the group goes on when a killed Redis is back', async () => {
  const all = await scene(['--log-level', 'debug']);
  const { server, group } = all;
  await server.kill();
  // Each try is logged at the level debug, and one of them above it.
  const tries = (level: number) => logOf(group, level).filter(({ msg }) => msg.includes(', trying again: '));
  await until(() => tries(0).length >= 12 && tries(40).length >= 2, {
    what: 'a dozen tries, two of them logged',
  });
  expect(
    tries(40)
      .map(({ msg }) => msg.replace(/, trying again: .*/, ''))
      .sort(),
  ).toEqual(['heartbeats fail', 'the bridge is not subscribed']);
  for (const { msg } of tries(40)) expect(msg).toContain(`no reply from Redis at 127.0.0.1:${server.port} (`);
  await server.restart();
  await group.line(/over after \d+\.\d s: the bridge is not subscribed/);
  await group.line(/over after \d+\.\d s: heartbeats fail/);
  // No bridge was subscribed for a while, and that is logged too.
  await group.line(/messages may have been missed since 20.*: no bridge was subscribed/);
  await expectToGoOn(all);
  for (const { msg } of logOf(group)) expect(msg).not.toContain('maxRetriesPerRequest');
});

test('after a Redis comes back empty, the gap begins when the group last heard the channel', async () => {
  const server = await freshRedis();
  const space = namespaceOn(server.url);
  const group = await startGroup(space, ['-n', '1', '--heartbeat', '300ms']);
  const client = await GroupClient.connect(space);
  onTestFinished(() => client.close());
  const gone = Date.now();
  await server.kill();
  await group.line(/heartbeats fail/);
  await server.restart();
  const [gap] = await until(async () => {
    const gaps = await client.inspector.gaps().then(
      ({ records }) => records,
      () => [],
    );
    return gaps.length > 0 ? gaps : undefined;
  });
  expect(gap?.reason).toBe('Redis lost its data');
  // A mark is made ten times a second.
  expect(gap?.from).toBeGreaterThan(gone - 1_000);
  expect(gap?.from).toBeLessThanOrEqual(gone + 100);
  expect(gap?.to).toBeGreaterThan(gone);
  await group.line(/messages may have been missed since 20.*: Redis lost its data/);
  expect(await group.kill()).toEqual({ code: 0, signal: null });
});

test('the group goes on after Redis stood still for a while', async () => {
  const all = await scene();
  const { server, group } = all;
  process.kill(server.pid, 'SIGSTOP');
  try {
    // A command had no reply for 5 s: the connections are made again, to a server that still stands still.
    await group.line(/heartbeats fail, trying again: (restore-control|beat): no reply from Redis/);
  } finally {
    process.kill(server.pid, 'SIGCONT');
  }
  await expectToGoOn(all);
  expect(logOf(group, 40).length).toBeLessThan(8);
});
