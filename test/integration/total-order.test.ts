import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Result } from '../../src/core/consumer-store.js';
import type { Sink } from '../../src/core/sink.js';
import { silentLogger } from '../../src/log/logger.js';
import { RedisConsumerStore } from '../../src/redis/consumer-store.js';
import { OrderedCommits } from '../../src/redis/ordered-commits.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { groupOn } from '../helpers/group.js';
import { makeGroup } from '../helpers/library.js';
import { withRedis } from '../helpers/redis.js';
import { GROUP, openStores } from '../helpers/stores.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const TOTAL: Sink = { list: false, order: 'total', timed: true };
const ORDERED = ['--order', 'total'];

const resultOf = (id: string, data = '{}'): Result => ({
  entryId: id,
  inboxId: id,
  consumerId: 'a',
  messageId: `m-${id}`,
  data,
  attempts: 1,
  startedAt: 1,
  finishedAt: 2,
});

/** Stores, entries that consumer `a` holds, and what commits them in order; by default with all rights. */
async function holding(count: number, { url = redis.url, sink = TOTAL } = {}) {
  const stores = await openStores(redis.namespace());
  const ids = await stores.relay(...Array.from({ length: count }, (_, i) => `{"message_id":${i}}`));
  await stores.read('a');
  const connection = new Connection(url, 'settler', silentLogger);
  onTestFinished(() => connection.close());
  await connection.connect();
  const window = { most: 10, note() {} };
  const ordered = new OrderedCommits(connection, stores.keys, {
    ...sink,
    group: GROUP,
    maxLength: 0,
    window,
  });
  const store = new RedisConsumerStore(connection, stores.keys, GROUP, undefined, { ordered });
  const commit = (...wanted: string[]) =>
    store.commit(
      wanted.map((id) => resultOf(id)),
      0,
    );
  const left = async () => (await stores.fields(stores.keys.output)).map(({ inbox_id }) => inbox_id);
  return { ...stores, ids, ordered, store, commit, left };
}

describe('without a right', () => {
  const rights = [
    ...['xadd', 'xack', 'xdel', 'xrange', 'xpending', 'xtrim', 'hincrby', 'hget', 'hset', 'hdel', 'type'],
    ...['zadd', 'zcard', 'zcount', 'zrem', 'zremrangebylex', 'zrangebylex', 'zrangebyscore', 'zlexcount'],
    ...['time', 'xinfo', '@write', '@read'],
  ];
  test.each(rights)('to %s nothing is lost or doubled, and the order holds', async (right) => {
    const admin = new Redis(redis.url);
    onTestFinished(() => admin.disconnect());
    const name = `u${Math.random().toString(36).slice(2)}`;
    await admin.call('ACL', 'SETUSER', name, 'on', '>pass', '~*', '&*', '+@all');
    const url = redis.url.replace('//', `//${name}:pass@`);
    const { ids, commit, ordered, left, raw, keys } = await holding(6, { url });
    const [one, two, three, four, five, six] = ids as [string, string, string, string, string, string];
    await commit(three, five);
    await admin.call('ACL', 'SETUSER', name, `-${right}`);
    for (const some of [[two], [one, two, three], [six]]) await commit(...some).catch(() => {});
    await ordered.letOut().catch(() => {});
    const during = await left();
    expect(during).toEqual(ids.slice(0, during.length));
    await admin.call('ACL', 'SETUSER', name, '+@all');
    await commit(...ids);
    await ordered.letOut();
    expect(await left()).toEqual([one, two, three, four, five, six]);
    expect(await raw.hgetall(keys.counters)).toMatchObject({ processed: '6' });
    expect([await raw.xlen(keys.inbox), await raw.zcard(keys.parked)]).toEqual([0, 0]);
  });
});

test('results of 10 MB wait, and go out in a few bounded calls', async () => {
  const { ids, store, left, raw, keys } = await holding(4);
  const data = JSON.stringify('x'.repeat(10_000_000));
  for (const id of [...ids].reverse()) await store.commit([resultOf(id, data)], 0);
  expect(await left()).toEqual(ids);
  expect(await raw.zcard(keys.parked)).toBe(0);
});

test('an output whose ids are used up parks all results; they go out when it is mended', async () => {
  const { ids, commit, ordered, left, raw, keys } = await holding(3);
  await raw.xadd(keys.output, '18446744073709551615-18446744073709551615', 'foreign', 'entry');
  await commit(...ids.slice(1));
  await expect(commit(ids[0] as string)).rejects.toThrow(/last possible id/);
  await raw.del(keys.output);
  await commit(...ids);
  await ordered.letOut();
  expect(await left()).toEqual(ids);
});

test('what waits goes out at once when the order is not total any more', async () => {
  const { ids, commit, left, keys } = await holding(3);
  await commit(...ids.slice(1));
  expect(await left()).toEqual([]);
  const connection = new Connection(redis.url, 'plain', silentLogger);
  onTestFinished(() => connection.close());
  await connection.connect();
  const window = { most: Number.POSITIVE_INFINITY, note() {} };
  const plain: Sink = { list: false, order: 'none', timed: false };
  await new OrderedCommits(connection, keys, { ...plain, group: GROUP, maxLength: 0, window }).letOut();
  expect(await left()).toEqual(ids.slice(1));
});

test('results that wait for a list do not go to a stream', async () => {
  const { ids, commit, ordered, raw, keys } = await holding(2, { sink: { ...TOTAL, list: true } });
  await commit(ids[1] as string);
  await raw.xdel(keys.inbox, ids[0] as string);
  const connection = new Connection(redis.url, 'stream', silentLogger);
  onTestFinished(() => connection.close());
  await connection.connect();
  const window = { most: 10, note() {} };
  const other = new OrderedCommits(connection, keys, { ...TOTAL, group: GROUP, maxLength: 0, window });
  await expect(other.letOut()).rejects.toThrow(/results that wait for a list/);
  await ordered.letOut();
  expect(await raw.llen(keys.output)).toBe(1);
});

test('a full window begins nothing but what the order waits for, and status says what that is', async () => {
  const space = redis.namespace();
  let release = () => {};
  const first = new Promise<void>((resolve) => {
    release = resolve;
  });
  let begun = 0;
  const { group, raw, publish, results } = makeGroup(space, {
    size: 2,
    order: 'total',
    orderWindow: 10,
    processor: async (message) => {
      begun++;
      if (message.message_id === 'm1') await first;
      return { ...message };
    },
  });
  await group.start();
  const ids = Array.from({ length: 300 }, (_, i) => `m${i + 1}`);
  await publish(...ids.map((message_id) => ({ message_id })));
  await until(async () => (await group.status()).parked >= 10);
  const { order } = await until(async () => {
    const status = await group.status();
    return status.order.head ? status : undefined;
  });
  expect(order).toMatchObject({ kind: 'total', window: 10, head: { attempt: 1 } });
  const stopped = await until(async () => {
    const before = begun;
    await new Promise((resolve) => setTimeout(resolve, 300));
    return begun === before && before;
  });
  expect(stopped).toBeLessThan(300);
  release();
  await until(async () => (await results()).length === 300);
  expect((await results()).map((one) => (one as { message_id: string }).message_id)).toEqual(ids);
  expect(await group.status()).toMatchObject({ parked: 0, order: { head: null } });
  expect(await raw.xlen(space.output)).toBe(300);
});

test('three processes, one killed, one stopped, all connections cut: the output has the order of the input', {
  timeout: 120_000,
}, async () => {
  const group = await groupOn(redis.url);
  const flags = [...ORDERED, '--size', '1', '--simulate-ms', '100'];
  const [killed, stopped, last] = [
    await group.start(flags),
    await group.start(flags),
    await group.start(flags),
  ] as const;
  await group.bridgesInStep(2);
  const ids = await group.publish(60);
  const done = async (count: number) => (await group.outputs()).length >= count;
  await until(() => done(9));
  await killed.kill('SIGKILL');
  await until(() => done(21), { timeout: 20_000 });
  process.kill(stopped.pid, 'SIGSTOP');
  await until(() => done(33), { timeout: 20_000 });
  await group.raw.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await until(() => done(45), { timeout: 20_000 });
  process.kill(stopped.pid, 'SIGCONT');
  await group.settled(60, 30_000);
  await until(() => done(60), { timeout: 20_000 });
  expect((await group.outputs()).map(({ messageId }) => messageId)).toEqual(ids);
  await Promise.all([stopped.kill('SIGTERM'), last.kill('SIGTERM')]);
});
