import { once } from 'node:events';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { silentLogger } from '../../src/log/logger.js';
import { RedisInboxReader } from '../../src/redis/consumer-store.js';
import { keysOf } from '../../src/redis/keys.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { startProxy } from '../helpers/faultproxy.js';
import { freshRedis, namespaceOn, withRedis } from '../helpers/redis.js';
import { logOf, settled, startGroup } from '../helpers/running.js';
import { GROUP, openStores } from '../helpers/stores.js';
import { until } from '../helpers/until.js';

// Failures of the network or the server at which other clients of Redis have lost messages.

const redis = withRedis();

function clientOn(url: string): Redis {
  const client = new Redis(url);
  client.on('error', () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

async function proxyTo(port: number) {
  const proxy = await startProxy(port);
  onTestFinished(() => proxy.stop());
  return proxy;
}

/** One of our connections, through a proxy, and a direct client. */
async function connected() {
  const proxy = await proxyTo(redis.server.port);
  const connection = new Connection(proxy.url, 'test', silentLogger);
  onTestFinished(() => connection.close());
  await connection.connect();
  return { proxy, connection, client: clientOn(redis.url), key: `count:${proxy.port}` };
}

describe('a connection', () => {
  test('gives all entries, also if it is cut between two reads and reads again at once', async () => {
    const { proxy, connection } = await connected();
    const { keys, relay, pending } = await openStores(redis.namespace());
    const reader = new RedisInboxReader(connection, connection, keys, GROUP, 'a');
    const read = async () => (await reader.read(10, 100)).entries;
    for (let round = 0; round < 5; round++) {
      const [id] = await relay(String(round));
      expect(await read()).toEqual([{ id, message: String(round), attempts: 0 }]);
      const lost = once(connection, 'lost');
      proxy.cut();
      await lost;
      const [next] = await relay(`after cut ${round}`);
      expect(await read()).toMatchObject([{ id: next }]);
    }
    expect(await pending()).toHaveLength(10);
  });

  test('without a reply rejects as an unknown outcome, and sends nothing twice', async () => {
    const { proxy, connection, client, key } = await connected();
    proxy.swallowReplies();
    const sent = connection.call('INCR', key);
    proxy.heal();
    const began = performance.now();
    await expect(sent).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    expect(performance.now() - began).toBeLessThan(8_000);
    // It is made again by itself, and does not send earlier commands again.
    await until(() => connection.call('PING').catch(() => undefined), { what: 'a connection that works' });
    expect(await client.get(key)).toBe('1');
  });

  test('that is cut rejects the commands under way, and sends none twice', async () => {
    const { proxy, connection, client, key } = await connected();
    const SENT = 2_000;
    const sent = Array.from({ length: SENT }, () => connection.call('INCR', key));
    proxy.cut();
    const results = await Promise.allSettled(sent);
    const answered = results.filter(({ status }) => status === 'fulfilled').length;
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    await until(() => connection.call('PING').catch(() => undefined), { what: 'a connection that works' });
    const done = Number(await client.get(key));
    expect(done).toBeGreaterThanOrEqual(answered);
    expect(done).toBeLessThanOrEqual(SENT);
  });

  test('that is closed while it is away rejects the commands that wait', async () => {
    const { proxy, connection } = await connected();
    const lost = once(connection, 'lost');
    await proxy.stop();
    await lost;
    const waiting = connection.call('PING');
    connection.close();
    await expect(waiting).rejects.toMatchObject({ code: 'REDIS_UNREACHABLE' });
    await expect(connection.call('PING')).rejects.toMatchObject({ code: 'REDIS_UNREACHABLE' });
  });

  test('waits for a reply that takes long as long as bytes come, and sends a command that takes long', async () => {
    const { proxy, connection, client, key } = await connected();
    proxy.slow(400_000);
    const value = 'v'.repeat(3_000_000);
    const began = performance.now();
    expect(await connection.call('SET', key, value)).toBe('OK');
    await client.set(key, value);
    expect(await connection.call('GET', key)).toBe(value);
    // Both took longer than a silent link is waited for.
    expect(performance.now() - began).toBeGreaterThan(10_000);
  });

  test('that is half-open does not block a read for ever', async () => {
    const { proxy, connection, client, key } = await connected();
    await client.xgroup('CREATE', key, 'readers', '0', 'MKSTREAM');
    const read = ['GROUP', 'readers', 'me', 'BLOCK', 2_000, 'STREAMS', key, '>'];
    expect(await connection.callBuffer('XREADGROUP', ...read)).toBeNull();
    proxy.halfOpen();
    const began = performance.now();
    await expect(connection.callBuffer('XREADGROUP', ...read)).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
    });
    expect(performance.now() - began).toBeLessThan(8_000);
  });
});

/** A group whose connections all go through a proxy. */
async function groupBehindProxy(flags: string[] = []) {
  const server = await freshRedis();
  const proxy = await proxyTo(server.port);
  const space = namespaceOn(server.url);
  const client = clientOn(server.url);
  const group = await startGroup({ ...space, redis: proxy.url }, ['--size', '2', ...flags]);
  let count = 0;
  return {
    server,
    proxy,
    client,
    group,
    space,
    /** Publishes so many messages, and waits until all published so far have a result. */
    through: async (more: number) => {
      for (let i = 0; i < more; i++)
        await client.publish(space.channel, JSON.stringify({ message_id: ++count }));
      await until(() => settled(client, space, count), { timeout: 20_000, what: `${count} results` });
      expect(await client.xlen(space.output)).toBe(count);
    },
  };
}

describe('a group', () => {
  test('notices that its idle subscription is dead, and subscribes again, to both channels in one command', async () => {
    const { proxy, client, group, through, space } = await groupBehindProxy();
    await through(10);
    const subscribed: string[] = [];
    const monitor = await client.monitor();
    onTestFinished(() => monitor.disconnect());
    monitor.on('monitor', (_time: string, args: string[]) => {
      if (args[0]?.toLowerCase() === 'subscribe') subscribed.push(args.slice(1).join(' '));
    });
    proxy.halfOpen();
    proxy.heal(); // new connections work; existing ones stay dead, without an error
    await group.line(/the bridge subscribes anew: /, 20_000);
    await until(() => subscribed.length > 0, { timeout: 20_000, what: 'a new subscription' });
    expect(subscribed[0]).toBe(`${space.channel} cgroup:{${space.output}}:marks`);
    // Messages may have been published meanwhile: a gap is recorded each time.
    await until(async () => (await client.xlen(keysOf(space).gaps)) === 1, { what: 'the gap' });
    proxy.cut();
    await group.line(/the bridge subscribes anew: the subscription was cut/, 20_000);
    await until(() => subscribed.length > 1, { what: 'another subscription' });
    // It may be given up again, while the other connections of the process are not back.
    await until(async () => (await client.xlen(keysOf(space).gaps)) === 2, { what: 'the second gap' });
    await through(10);
    expect(await client.xlen(keysOf(space).gaps)).toBe(2);
    expect(await group.kill()).toEqual({ code: 0, signal: null });
  });

  test('waits while Redis is a replica (READONLY), and goes on when it is a master again', async () => {
    const { client, group, through } = await groupBehindProxy();
    await through(10);
    await client.replicaof('127.0.0.1', '1');
    await group.line(/heartbeats fail.*READONLY/);
    await client.replicaof('NO', 'ONE');
    await group.line(/over after .*: heartbeats fail/);
    await through(10);
    expect(await group.kill()).toEqual({ code: 0, signal: null });
  });

  test('loads its scripts again if Redis forgot them (NOSCRIPT)', async () => {
    const { client, group, through } = await groupBehindProxy();
    for (let times = 0; times < 3; times++) {
      await client.script('FLUSH');
      await through(20);
    }
    expect(logOf(group, 40)).toEqual([]);
    await group.kill();
  });

  test('keeps messages while Redis has no memory for them (OOM), and relays them later', async () => {
    const { client, group, through, space } = await groupBehindProxy();
    await through(10);
    await client.config('SET', 'maxmemory', '1');
    for (let id = 0; id < 50; id++)
      await client.publish(space.channel, JSON.stringify({ message_id: `full${id}` }));
    await group.line(/OOM/);
    await client.config('SET', 'maxmemory', '0');
    await until(() => settled(client, space, 60), { timeout: 20_000, what: 'the kept messages' });
    expect(await client.xlen(space.output)).toBe(60);
    await group.kill();
  });

  test('goes on if another client unblocks its reads with an error (UNBLOCKED)', async () => {
    const { client, group, through } = await groupBehindProxy();
    await through(5);
    const consumers = String(await client.client('LIST'))
      .split('\n')
      .filter((line) => line.includes('name=cgroup:consumer '))
      .map((line) => Number(/\bid=(\d+)/.exec(line)?.[1]));
    expect(consumers).toHaveLength(2);
    for (const id of consumers) await client.call('CLIENT', 'UNBLOCK', id, 'ERROR');
    await through(5);
    await group.kill();
  });
});
