import { describe, expect, onTestFinished, test } from 'vitest';
import type { MarkRequest } from '../../src/core/bridge-store.js';
import { readMark } from '../../src/core/marks.js';
import { listenTo } from '../../src/core/subscriber.js';
import { silentLogger } from '../../src/log/logger.js';
import { RedisBridgeStore } from '../../src/redis/bridge-store.js';
import { keysOf } from '../../src/redis/keys.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { refuseSharded } from '../../src/redis/server-checks.js';
import { cgroup } from '../helpers/cli.js';
import { groupOn } from '../helpers/group.js';
import { SECRET } from '../helpers/marks.js';
import { withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();

const REQUEST: MarkRequest = { caller: 'a', seat: 'a', seats: 2, secret: SECRET, secretKnown: true, seen: 0 };

async function connect(): Promise<Connection> {
  const connection = new Connection(redis.url, 'test', silentLogger);
  onTestFinished(() => connection.close());
  await connection.connect();
  return connection;
}

/** A bridge store of a sharded channel, and the texts on the channel of marks. */
async function marksOf() {
  const keys = keysOf({ ...redis.namespace(), sharded: true });
  const [connection, announcer, listener] = [await connect(), await connect(), await connect()];
  const heard: string[] = [];
  const listen = (onLost = () => {}) =>
    listenTo(listener, keys.marks, (text) => heard.push(String(text)), onLost, true);
  const store = new RedisBridgeStore(connection, keys, undefined, announcer);
  return { keys, store, connection, announcer, listener, heard, listen };
}

describe('a sharded channel', () => {
  test('is relayed as any other, and by the second bridge when the first one dies', async () => {
    const group = await groupOn(redis.url);
    const more = ['--size', '2', '--sharded'];
    const [first, second] = await Promise.all([group.start(more), group.start(more)]);
    const keys = keysOf({ ...group.space, sharded: true });
    const subscribed = async () =>
      ((await group.raw.call('PUBSUB', 'SHARDNUMSUB', keys.marks)) as [string, number])[1];
    await until(async () => (await subscribed()) === 2);
    const publish = async (count: number) => {
      const run = cgroup([
        'publish',
        ...['--redis', redis.url, '--channel', group.space.channel, '--sharded'],
        ...['--count', `${count}`, '--json'],
      ]);
      await run.exit;
      return JSON.parse(run.stdout()) as { receivers: { min: number } };
    };
    expect((await publish(500)).receivers.min).toBe(2);
    await group.settled(500);
    await first?.kill('SIGKILL');
    await publish(500);
    const { counters } = await group.settled(1_000);
    expect(counters).toMatchObject({ processed: 1_000, gaps: 0, dead: 0 });

    const refused = cgroup(['start', ...group.flags]);
    expect((await refused.exit).code).toBe(1);
    expect(refused.stderr()).toContain(`a running group with channel ${group.space.channel}, sharded`);
    await second?.kill('SIGTERM');
  });

  test('is refused by a Redis that has none', () => {
    const old = { version: 'Redis 6.2.14', release: [6, 2] } as const;
    expect(() => refuseSharded(old)).toThrow(/Redis 6.2.14 has no sharded channels: sharded needs Redis 7/);
    expect(() => refuseSharded({ version: 'Redis 7.0.15', release: [7, 0] })).not.toThrow();
  });
});

describe('a mark of a sharded channel', () => {
  test('is published at the node of the channel, by the bridge that made it', async () => {
    const { store, heard, listen, keys } = await marksOf();
    await listen();
    const made = await store.mark(REQUEST);
    if (!('mark' in made)) throw new Error('no seat');
    await until(() => heard.length === 1);
    expect(readMark(`${heard[0]}`, SECRET, made.mark)).toEqual({ number: made.mark, server: undefined });
    expect(keys.marks).toMatch(/^cgroup:\{messages:published:.*\}:marks:messages:processed:/);
  });

  test('waits for the secret as long as another bridge is subscribed that may know it', async () => {
    const { store, listen, listener } = await marksOf();
    await listen();
    const fresh = { ...REQUEST, secretKnown: false };
    expect(await store.mark(fresh)).toEqual({ taken: [] });
    await listener.unsubscribe();
    expect(await store.mark(fresh)).toMatchObject({ secret: SECRET });
  });
});

test('a sharded subscription ends with all that was published before', async () => {
  const { listen, listener, announcer, keys, heard } = await marksOf();
  let lost = 0;
  await listen(() => lost++);
  const texts = Array.from({ length: 1_000 }, (_, n) => `text ${n}`);
  await Promise.all(texts.map((text) => announcer.call('SPUBLISH', keys.marks, text)));
  await listener.unsubscribe();
  expect(heard).toEqual(texts);
  expect(lost).toBe(0);
});
