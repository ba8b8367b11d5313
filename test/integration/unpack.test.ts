import { expect, test } from 'vitest';
import { identityIn } from '../../src/core/pack.js';
import { packed } from '../helpers/packed.js';
import { withRedis } from '../helpers/redis.js';
import { GROUP, openStores, type Stores } from '../helpers/stores.js';

const redis = withRedis();

/** A group, and messages that the bridge has relayed in packs; returns their ids. */
async function withPacks(packSize: number, messages: readonly string[]) {
  const stores = await openStores(redis.namespace());
  const { bridgeStore, raw, keys } = stores;
  const taken = await bridgeStore.take('bridge', 0, 0);
  if (!taken.taken) throw new Error('the lead cannot be taken');
  const { token, position: from } = taken;
  const to = { epoch: 1, offset: messages.length };
  await bridgeStore.relay({ caller: 'bridge', token, from, to, messages: packed(messages), packSize });
  const packs = (await raw.xrange(keys.packs, '-', '+')).map(([id]) => id);
  return { ...stores, packs };
}

/** Unpacks until nothing waits; returns how many messages each call gave back. */
async function unpackAll({ consumerStore }: Stores): Promise<number[]> {
  const pages: number[] = [];
  for (let more = true; more; ) {
    const page = await consumerStore.unpack();
    pages.push(page.messages);
    more = page.more;
  }
  return pages;
}

const texts = (count: number) => Array.from({ length: count }, (_, i) => `{"message_id":"m${i}"}`);

test('packs that wait go back to the inbox: each message with its id, none with an attempt', async () => {
  const stores = await withPacks(4, texts(12));
  const { raw, keys, packs, fields } = stores;
  expect(packs).toHaveLength(3);
  expect(await unpackAll(stores)).toEqual([12]);
  const ids = packs.flatMap((pack) => [1, 2, 3, 4].map((number) => identityIn(pack, number)));
  expect(await fields(keys.inbox)).toEqual(
    texts(12).map((message, i) => ({ message, id: ids[i], attempts: '0' })),
  );
  expect(await raw.xlen(keys.packs)).toBe(0);
  expect(await raw.hmget(keys.counters, 'packed', 'relayed', 'lost')).toEqual(['0', '12', null]);
  expect(await unpackAll(stores)).toEqual([0]);
  expect(await raw.xlen(keys.inbox)).toBe(12);
});

test('packs that a consumer holds stay with it', async () => {
  const stores = await withPacks(5, texts(15));
  const { raw, keys, packs } = stores;
  await raw.xreadgroup('GROUP', GROUP, 'c', 'COUNT', 2, 'STREAMS', keys.packs, '>');
  expect(await unpackAll(stores)).toEqual([5]);
  expect((await raw.xrange(keys.packs, '-', '+')).map(([id]) => id)).toEqual(packs.slice(0, 2));
  expect(((await raw.xpending(keys.packs, GROUP)) as [number])[0]).toBe(2);
  expect(await raw.hget(keys.counters, 'packed')).toBe('10');
});

test('one call does a limited amount: by messages, and by bytes', async () => {
  const many = await withPacks(200, texts(2_300));
  expect(await unpackAll(many)).toEqual([1_000, 1_000, 300]);
  const large = await withPacks(
    3,
    texts(60).map((text) => `${text}${' '.repeat(19_000)}`),
  );
  const pages = await unpackAll(large);
  expect(pages.reduce((a, b) => a + b, 0)).toBe(60);
  expect(Math.max(...pages)).toBeLessThanOrEqual(57);
  expect(pages.length).toBeGreaterThan(1);
});

test('what another program wrote among the packs becomes an entry that is no message, a limited number in a call', async () => {
  const stores = await withPacks(5, texts(5));
  const { raw, keys, fields } = stores;
  const pipeline = raw.pipeline();
  for (let i = 0; i < 1_200; i++) pipeline.xadd(keys.packs, '*', 'f', String(i));
  await pipeline.exec();
  expect(await unpackAll(stores)).toEqual([5, 0]);
  expect(await raw.xlen(keys.packs)).toBe(0);
  expect((await fields(keys.inbox)).filter(({ message }) => message === undefined)).toHaveLength(1_200);
  expect(await raw.hget(keys.counters, 'packed')).toBe('0');
});

test('nothing changes if there is no Redis group, or the inbox takes no more', async () => {
  const stores = await withPacks(4, texts(8));
  const { raw, keys, consumerStore, everything } = stores;
  await raw.xgroup('DESTROY', keys.packs, GROUP);
  expect(await unpackAll(stores)).toEqual([0]);
  await consumerStore.prepare();
  await raw.xadd(keys.inbox, '18446744073709551615-18446744073709551615', 'foreign', 'entry');
  const before = await everything();
  await expect(consumerStore.unpack()).rejects.toMatchObject({ code: 'REDIS_REFUSED' });
  expect(await everything()).toEqual(before);
});
