import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { countIn, identityIn, isPackId } from '../../src/core/pack.js';
import type { PulledSource } from '../../src/core/source.js';
import { compareIds } from '../../src/core/stream-id.js';
import { silentLogger } from '../../src/log/logger.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { RedisSourceStore } from '../../src/redis/source-store.js';
import { withRedis } from '../helpers/redis.js';
import { GROUP, openStores } from '../helpers/stores.js';
import { until } from '../helpers/until.js';

const redis = withRedis();

/** A list, the group that takes from it, and an admin whose rights no test withdraws. */
async function withList(from: 'left' | 'right' = 'left') {
  const space = redis.namespace();
  const stores = await openStores(space);
  const list = `${space.channel}:list`;
  const admin = new Redis(space.redis, { username: 'admin', password: 'secret', lazyConnect: true });
  await stores.raw.call('ACL', 'SETUSER', 'admin', 'on', '>secret', 'allkeys', 'allchannels', '+@all');
  await admin.connect();
  const own = new Connection(space.redis, 'test', silentLogger);
  const waiting = new Connection(space.redis, 'waiting', silentLogger);
  onTestFinished(() => {
    admin.disconnect();
    own.close();
    waiting.close();
  });
  await Promise.all([own.connect(), waiting.connect()]);
  const source: PulledSource = { kind: 'list', name: list, from };
  const store = new RedisSourceStore(own, waiting, stores.keys, source, 'here');
  /** What was relayed, in the order of the ids. */
  const relayed = async (): Promise<Buffer[]> => {
    const { inbox, packs } = stores.keys;
    const found: { id: string; message: Buffer }[] = [];
    for (const [id, [, message]] of await admin.xrangeBuffer(inbox, '-', '+'))
      found.push({ id: String(id), message: message as Buffer });
    for (const [id, [, blob]] of await admin.xrangeBuffer(packs, '-', '+')) {
      expect(isPackId(String(id))).toBe(true);
      let at = 0;
      for (let n = 1; n <= countIn(String(id)); n++) {
        expect(blob?.[at]).toBe(0xdb);
        const end = at + 5 + (blob?.readUInt32BE(at + 1) ?? 0);
        found.push({ id: identityIn(String(id), n), message: (blob as Buffer).subarray(at + 5, end) });
        at = end;
      }
      expect(at).toBe(blob?.length);
    }
    return found.sort((a, b) => compareIds(a.id, b.id)).map(({ message }) => message);
  };
  const counts = async () =>
    (await admin.hmget(stores.keys.counters, 'relayed', 'packed')).map((text) => Number(text ?? 0));
  return { ...stores, space, list, admin, store, relayed, counts };
}

const numbered = (count: number, text = 'message') => Array.from({ length: count }, (_, i) => `${text} ${i}`);

/**
 * All that is held under the keys of the group, and the list. Of a stream its entries: the last id that it ever had stays, and
 * Redis gives it to no other entry.
 */
async function stateOf({ admin, keys, list }: Awaited<ReturnType<typeof withList>>) {
  // The time of a pull is no change.
  await admin.hdel(keys.bridge, 'pulled_at');
  return Promise.all(
    [...Object.values(keys), list].map(async (key) =>
      (await admin.type(key)) === 'stream' ? admin.xrange(key, '-', '+') : admin.dumpBuffer(key),
    ),
  );
}

describe('a pull from a list', () => {
  test.each(['left', 'right'] as const)(
    'takes from the %s end, in order, about a thousand at a time',
    async (from) => {
      const { store, raw, list, relayed, counts } = await withList(from);
      const all = numbered(2_500);
      for (const text of all) await (from === 'left' ? raw.rpush(list, text) : raw.lpush(list, text));
      expect(await store.pull(1)).toEqual({ messages: 1_000, next: 'more' });
      expect(await raw.llen(list)).toBe(1_500);
      expect(await store.pull(1)).toMatchObject({ messages: 1_000, next: 'more' });
      expect(await store.pull(1)).toMatchObject({ messages: 500, next: 'wait' });
      expect(await store.pull(1)).toMatchObject({ messages: 0, next: 'wait' });
      expect((await relayed()).map(String)).toEqual(all);
      expect(await counts()).toEqual([2_500, 0]);
      expect(await raw.exists(list)).toBe(0);
    },
  );

  test('writes packs where the group has them, and ids in the order of the list', async () => {
    const { store, raw, keys, list, relayed, counts } = await withList();
    const all = [...numbered(600, 'a'), 'x'.repeat(70_000), ...numbered(3, 'b'), ...numbered(400, 'c')];
    await raw.rpush(list, ...all.slice(0, 600));
    await store.pull(250);
    expect((await raw.xrange(keys.packs, '-', '+')).map(([id]) => countIn(id))).toEqual([250, 250, 100]);
    // With one that is too large for a pack, all are entries.
    await raw.rpush(list, ...all.slice(600, 604));
    await store.pull(250);
    expect(await raw.xlen(keys.inbox)).toBe(4);
    await raw.rpush(list, ...all.slice(604));
    await store.pull(250);
    expect((await relayed()).map(String)).toEqual(all);
    expect(await counts()).toEqual([1_004, 1_000]);
  });

  test('keeps bytes as they are, and empty messages', async () => {
    const { store, raw, list, relayed } = await withList();
    const all = [
      Buffer.from([0, 0xff, 0xdb, 0x0d, 0x0a]),
      Buffer.alloc(0),
      Buffer.from('é 你'),
      Buffer.from('{}'),
    ];
    for (const packSize of [1, 250]) {
      await raw.rpush(list, ...all);
      await store.pull(packSize);
    }
    expect(await relayed()).toEqual([...all, ...all]);
  });

  test('of large messages takes about a megabyte at a time', async () => {
    const { store, raw, list, relayed } = await withList();
    const large = (size: number, i: number) => Buffer.alloc(size, i);
    for (let i = 0; i < 3; i++) await raw.rpush(list, large(10_000_000, i));
    for (let i = 3; i < 10; i++) await raw.rpush(list, large(400_000, i));
    const taken: number[] = [];
    for (;;) {
      const { messages, next } = await store.pull(250);
      taken.push(messages);
      if (next !== 'more') break;
    }
    expect(taken).toEqual([1, 1, 1, 3, 3, 1]);
    expect((await relayed()).map((one) => [one.length, one[0]])).toEqual([
      ...[0, 1, 2].map((i) => [10_000_000, i]),
      ...[3, 4, 5, 6, 7, 8, 9].map((i) => [400_000, i]),
    ]);
  });

  test.each([
    ['XADD of a message', 1, 'xadd'],
    ['XADD of a pack', 250, 'xadd'],
    ['LTRIM', 250, 'ltrim'],
    ['XDEL, which would undo', 1, 'xdel'],
    ['HINCRBY', 250, 'hincrby'],
    ['HSET', 250, 'hset'],
    ['HGET', 1, 'hget'],
    ['LRANGE', 1, 'lrange'],
  ])('changes nothing if Redis refuses %s', async (_, packSize, command) => {
    const setup = await withList();
    const { store, raw, admin, list, relayed } = setup;
    const all = numbered(300);
    await raw.rpush(list, ...all.slice(0, 10));
    await store.pull(packSize);
    await raw.rpush(list, ...all.slice(10));
    const before = await stateOf(setup);
    await admin.call('ACL', 'SETUSER', 'default', `-${command}`);
    try {
      await expect(store.pull(packSize)).rejects.toThrow();
    } finally {
      await admin.call('ACL', 'SETUSER', 'default', `+${command}`);
    }
    expect(await stateOf(setup)).toEqual(before);
    await store.pull(packSize);
    expect((await relayed()).map(String)).toEqual(all);
  });

  test.each([
    // Three entries more fit.
    ['inbox', 1, '18446744073709551615-18446744073709551612'],
    ['packs', 250, `9007199254740991-${2 ** 53 - 3_000}`],
  ] as const)('undoes all if no higher id is left in the %s', async (name, packSize, last) => {
    const setup = await withList();
    const { store, raw, keys, list, relayed } = setup;
    await raw.xadd(keys[name], last, 'message', 'foreign');
    await raw.xdel(keys[name], last);
    const all = numbered(900);
    await raw.rpush(list, ...all);
    const before = await stateOf(setup);
    for (let i = 0; i < 2; i++)
      await expect(store.pull(packSize)).rejects.toMatchObject({
        code: 'REDIS_REFUSED',
        message: expect.stringContaining(keys[name]),
      });
    // The counters were not there before.
    await raw.del(keys.counters);
    expect(await stateOf(setup)).toEqual(before);
    expect(await relayed()).toEqual([]);
    // Since 7.2 Redis sets no id back behind an entry that was deleted.
    await raw.del(keys[name]);
    await raw.xgroup('CREATE', keys[name], GROUP, '0', 'MKSTREAM');
    await store.pull(packSize);
    expect((await relayed()).map(String)).toEqual(all);
  });

  test.each(['source', 'inbox', 'counters', 'bridge', 'packs'] as const)(
    'changes nothing if the key of the %s holds something foreign',
    async (name) => {
      const setup = await withList();
      const { store, raw, keys, list } = setup;
      await raw.rpush(list, 'one');
      const key = name === 'source' ? list : keys[name];
      await raw.del(key);
      await raw.set(key, 'foreign');
      const all = [...Object.values(keys), list];
      const before = await Promise.all(all.map((one) => raw.dumpBuffer(one)));
      await expect(store.pull(250)).rejects.toMatchObject({
        code: 'KEY_TYPE',
        message: expect.stringContaining(key),
      });
      expect(await Promise.all(all.map((one) => raw.dumpBuffer(one)))).toEqual(before);
    },
  );

  test('goes on if the last id in the hash is foreign', async () => {
    const { store, raw, keys, list, relayed } = await withList();
    for (const [i, foreign] of ['no id', '99999999999999999999-1', '1-1', ''].entries()) {
      await raw.hset(keys.bridge, 'last', foreign);
      await raw.rpush(list, `a${i}`, `b${i}`);
      await store.pull(i % 2 === 0 ? 250 : 1);
      // Nothing else tells the next call what ids there are in the same millisecond.
      const last = String(await raw.hget(keys.bridge, 'last'));
      await until(async () => {
        const [seconds, micros] = (await raw.time()).map(Number) as [number, number];
        return seconds * 1_000 + Math.floor(micros / 1_000) > Number(last.split('-')[0]);
      });
    }
    expect((await relayed()).map(String)).toEqual(['a0', 'b0', 'a1', 'b1', 'a2', 'b2', 'a3', 'b3']);
  });
});

test.each(['left', 'right'] as const)('a wait for a list takes nothing (%s)', async (from) => {
  const { store, raw, list } = await withList(from);
  expect(await store.wait()).toBe(false);
  const waits = store.wait();
  await raw.rpush(list, 'a', 'b', 'c');
  expect(await waits).toBe(true);
  expect(await store.wait()).toBe(true);
  expect(await raw.lrange(list, 0, -1)).toEqual(['a', 'b', 'c']);
});
