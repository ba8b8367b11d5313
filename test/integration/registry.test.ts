import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { withRedis } from '../helpers/redis.js';
import { openStores } from '../helpers/stores.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const LONG = 60_000;

async function open() {
  const stores = await openStores(redis.namespace());
  const { raw, keys } = stores;
  return { ...stores, listed: () => raw.lrange(keys.consumerList, 0, -1) };
}

describe('the list of consumers', () => {
  test('holds the ids of all processes, each once, and loses those that leave', async () => {
    const { registry, listed, raw, keys } = await open();
    expect(await registry.beat(undefined, ['b', 'a'], [], LONG)).toMatchObject({
      live: ['a', 'b'],
      dead: [],
    });
    await registry.beat(undefined, ['c'], [], LONG);
    await registry.beat(undefined, ['a', 'b'], [], LONG);
    expect(await listed()).toEqual(['a', 'b', 'c']);
    await registry.beat(undefined, [], ['a', 'b'], LONG);
    expect(await listed()).toEqual(['c']);
    await registry.beat(undefined, [], ['c'], LONG);
    expect(await raw.exists(keys.consumerList, keys.heartbeats, keys.members)).toBe(0);
  });

  test('loses dead consumers at the next beat of any process, which reports them once', async () => {
    const { registry, listed, raw, keys } = await open();
    await registry.beat(undefined, ['old', 'new'], [], LONG);
    await raw.zadd(keys.heartbeats, Date.now() - 2 * LONG, 'old');
    expect(await registry.beat(undefined, ['new'], [], LONG)).toMatchObject({ live: ['new'], dead: ['old'] });
    expect(await registry.beat(undefined, ['new'], [], LONG)).toMatchObject({ live: ['new'], dead: [] });
    expect(await listed()).toEqual(['new']);
    expect(await raw.hkeys(keys.members)).toEqual(['new']);
  });

  test.each([
    ['deleted', []],
    ['with a foreign id', ['a', 'b', 'stranger']],
    ['with an id twice', ['a', 'a', 'b']],
    ['with one missing', ['b']],
  ])('is correct after the next beat: %s', async (_, spoiled) => {
    const { registry, listed, raw, keys } = await open();
    await registry.beat(undefined, ['a', 'b'], [], LONG);
    await raw.del(keys.consumerList);
    if (spoiled.length > 0) await raw.rpush(keys.consumerList, ...spoiled);
    await registry.beat(undefined, ['a'], [], LONG);
    expect(await listed()).toEqual(['a', 'b']);
  });

  test('expires if every process is killed at once', async () => {
    const { registry, raw, keys } = await open();
    await registry.beat(undefined, ['a'], [], 200);
    await until(async () => (await raw.exists(keys.consumerList, keys.heartbeats, keys.members)) === 0);
  });

  test('is right after the clock is put back: a beat from the future counts from now on', async () => {
    const { registry, listed, raw, keys } = await open();
    await registry.beat(undefined, ['a', 'late'], [], LONG);
    await raw.zadd(keys.heartbeats, Date.now() + 3_600_000, 'late');
    await registry.beat(undefined, ['a'], [], 300);
    expect(await listed()).toEqual(['a', 'late']);
    await until(async () => (await registry.beat(undefined, ['a'], [], 300)).dead.includes('late'), {
      what: 'the consumer from the future to be found dead',
    });
    expect(await listed()).toEqual(['a']);
  });

  test('is never read half rebuilt', async () => {
    const { registry, listed } = await open();
    const ids = Array.from({ length: 50 }, (_, i) => `consumer-${i}`).sort();
    await registry.beat(undefined, ids, [], LONG);
    let over = false;
    const seen = new Set<string>();
    const looking = (async () => {
      while (!over) seen.add((await listed()).join());
    })();
    for (let i = 0; i < 100; i++) {
      await registry.beat(undefined, ['newcomer'], [], LONG);
      await registry.beat(undefined, [], ['newcomer'], LONG);
      await sleep(0);
    }
    over = true;
    await looking;
    const allowed = [ids.join(), [...ids, 'newcomer'].join()];
    expect(allowed).toEqual(expect.arrayContaining([...seen]));
  });

  test('comes with hosts and process ids', async () => {
    const { registry, inspector } = await open();
    await registry.beat(undefined, ['a'], [], LONG);
    expect(await inspector.liveConsumers()).toEqual({
      consumers: [{ id: 'a', host: 'here', pid: 1 }],
      foreign: [],
    });
  });

  test('is shared by groups with different outputs, and each reads its own consumers', async () => {
    const space = redis.namespace();
    const one = await openStores(space);
    const other = await openStores({ ...redis.namespace(), consumerList: space.consumerList });
    await one.registry.beat(undefined, ['a'], [], LONG);
    await other.registry.beat(undefined, ['b', 'c'], [], LONG);
    await one.raw.rpush(one.keys.consumerList, 'unknown');
    const told = async ({ inspector }: typeof one) =>
      (await inspector.liveConsumers()).consumers.map(({ id }) => id);
    expect(await told(one)).toEqual(['a', 'unknown']);
    expect(await told(other)).toEqual(['b', 'c', 'unknown']);
  });

  test.each([
    ['consumerList', 'hash'],
    ['heartbeats', 'string'],
    ['members', 'list'],
  ] as const)('refuses a %s that is a %s, and changes nothing', async (name, type) => {
    const { registry, raw, keys, everything } = await open();
    const key = keys[name];
    if (type === 'hash') await raw.hset(key, 'some', 'thing');
    else if (type === 'list') await raw.rpush(key, 'something');
    else await raw.set(key, 'something');
    const before = await everything();
    await expect(registry.beat(undefined, ['a'], [], LONG)).rejects.toMatchObject({
      code: 'KEY_TYPE',
      message: expect.stringContaining(`${key} holds a ${type}`),
    });
    expect(await everything()).toEqual(before);
    expect(await raw.pttl(key)).toBe(-1);
  });
});
