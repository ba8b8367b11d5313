import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { silentLogger } from '../../src/log/logger.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { RedisSourceStore } from '../../src/redis/source-store.js';
import { isRedis6, withRedis } from '../helpers/redis.js';
import { openStores } from '../helpers/stores.js';

const redis = withRedis();
const TRIMMED = 'the stream was trimmed before it was read';

/** A stream, the group that reads it, and an admin whose rights no test withdraws. */
async function withStream() {
  const space = redis.namespace();
  const stores = await openStores(space);
  const stream = `${space.channel}:stream`;
  await stores.raw.call('ACL', 'SETUSER', 'admin', 'on', '>secret', 'allkeys', 'allchannels', '+@all');
  const admin = new Redis(space.redis, { username: 'admin', password: 'secret' });
  const own = new Connection(space.redis, 'test', silentLogger);
  const waiting = new Connection(space.redis, 'waiting', silentLogger);
  onTestFinished(() => {
    admin.disconnect();
    own.close();
    waiting.close();
  });
  await Promise.all([own.connect(), waiting.connect()]);
  const source = { kind: 'stream', name: stream } as const;
  const store = new RedisSourceStore(own, waiting, stores.keys, source, 'here');
  const add = async (...texts: (string | Buffer)[]) => {
    const ids: string[] = [];
    for (const text of texts) ids.push(String(await stores.raw.xadd(stream, '*', 'message', text)));
    return ids;
  };
  /** Pulls until nothing is left; returns the gaps that were found. */
  const pullAll = async (packSize = 1) => {
    const gaps: unknown[] = [];
    for (;;) {
      const { next, gap } = await store.pull(packSize);
      if (gap) gaps.push(gap);
      if (next !== 'more') return gaps;
    }
  };
  const inbox = async () =>
    (await admin.xrangeBuffer(stores.keys.inbox, '-', '+')).map(([, [, message]]) => message as Buffer);
  const texts = async () => (await inbox()).map(String);
  return { ...stores, space, source, stream, admin, store, add, pullAll, inbox, texts };
}

const numbered = (count: number, text = 'message') => Array.from({ length: count }, (_, i) => `${text} ${i}`);

describe('a pull from a stream', () => {
  test('reads on from where it was, in order, and leaves the entries there', async () => {
    const { store, add, raw, keys, stream, texts, inspector, source } = await withStream();
    const all = numbered(1_500);
    const ids = await add(...all);
    expect(await inspector.waitingIn(source)).toBe(1_500);
    expect(await store.pull(1)).toMatchObject({ messages: 1_000, next: 'more' });
    const unlessUnknown = (count: number) => (isRedis6 ? undefined : count);
    expect(await inspector.waitingIn(source)).toBe(unlessUnknown(500));
    expect(await store.pull(1)).toMatchObject({ messages: 500, next: 'wait', gap: undefined });
    expect(await store.pull(1)).toMatchObject({ messages: 0, next: 'wait' });
    expect(await texts()).toEqual(all);
    expect(await raw.xlen(stream)).toBe(1_500);
    expect(await raw.hget(keys.bridge, `read:${stream}`)).toBe(ids.at(-1));
    expect(await inspector.waitingIn(source)).toBe(0);
    // As on Redis 6.2, which does not count them.
    await raw.hdel(keys.bridge, `passed:${stream}`);
    expect(await inspector.waitingIn(source)).toBe(0);
    await add('one more');
    expect(await inspector.waitingIn(source)).toBeUndefined();
  });

  test('takes an entry without the field message as a JSON object of its fields', async () => {
    const { raw, stream, pullAll, inbox } = await withStream();
    await raw.xadd(stream, '*', 'message_id', 'a', 'n', '1', 'quote', '"\\\n\u0001/é');
    await raw.xadd(stream, '*', 'other', 'x', 'message', 'as it is', 'more', 'y');
    await raw.xadd(stream, '*', '', '');
    await raw.xadd(stream, '*', 'message_id', 'b', 'bytes', Buffer.from([0xff, 0xfe]));
    await pullAll();
    const [fields, message, empty, bytes] = await inbox();
    expect(JSON.parse(String(fields))).toEqual({ message_id: 'a', n: '1', quote: '"\\\n\u0001/é' });
    expect(String(message)).toBe('as it is');
    expect(String(empty)).toBe('{"":""}');
    // Not valid UTF-8, so not JSON: it becomes a dead letter with these bytes.
    expect(bytes).toEqual(
      Buffer.concat([
        Buffer.from('{"message_id":"b","bytes":"'),
        Buffer.from([0xff, 0xfe]),
        Buffer.from('"}'),
      ]),
    );
  });

  test('writes packs where the group has them', async () => {
    const { raw, keys, add, pullAll, admin } = await withStream();
    await add(...numbered(600));
    await pullAll(250);
    expect(await raw.xlen(keys.inbox)).toBe(0);
    expect(await raw.xlen(keys.packs)).toBe(3);
    expect(await admin.hmget(keys.counters, 'relayed', 'packed')).toEqual(['600', '600']);
  });

  test('of large messages takes about a megabyte at a time', async () => {
    const { add, store, inbox } = await withStream();
    await add(Buffer.alloc(10_000_000, 1), Buffer.alloc(10_000_000, 2), Buffer.alloc(400_000, 3), 'x');
    const taken: number[] = [];
    for (let next = 'more'; next === 'more'; ) {
      const pulled = await store.pull(250);
      taken.push(pulled.messages);
      next = pulled.next;
    }
    expect(taken).toEqual([1, 1, 2]);
    expect((await inbox()).map(({ length }) => length)).toEqual([10_000_000, 10_000_000, 400_000, 1]);
  });

  test('waits while the backlog is full', async () => {
    const { store, add, raw, keys } = await withStream();
    await add('one');
    await raw.hset(keys.counters, 'packed', 99_999);
    await raw.xadd(keys.packs, '1-1000001', 'pack', 'x');
    await raw.zadd(keys.held, 0, 'held');
    expect(await store.pull(1)).toMatchObject({ messages: 0, next: 'full' });
    await raw.zrem(keys.held, 'held');
    expect(await store.pull(1)).toMatchObject({ messages: 1 });
  });

  test.each(['xadd', 'xdel', 'hincrby', 'hset', 'xrange'])(
    'changes nothing if Redis refuses %s',
    async (command) => {
      const { store, add, admin, keys, texts } = await withStream();
      const all = numbered(30);
      await add(...all.slice(0, 10));
      await store.pull(1);
      await add(...all.slice(10));
      const state = async () => {
        const { pulled_at: _, ...bridge } = await admin.hgetall(keys.bridge);
        return [bridge, await admin.hgetall(keys.counters), await texts()];
      };
      const before = await state();
      await admin.call('ACL', 'SETUSER', 'default', `-${command}`);
      try {
        await expect(store.pull(1)).rejects.toThrow();
      } finally {
        await admin.call('ACL', 'SETUSER', 'default', `+${command}`);
      }
      expect(await state()).toEqual(before);
      await store.pull(1);
      expect(await texts()).toEqual(all);
    },
  );

  test('refuses a position that another program wrote', async () => {
    const { store, add, raw, keys, stream, texts } = await withStream();
    await add('one');
    await raw.hset(keys.bridge, `read:${stream}`, 'foreign');
    await expect(store.pull(1)).rejects.toMatchObject({
      code: 'REDIS_REFUSED',
      message: expect.stringMatching(/read:.* is no id of an entry: another program wrote it\. Set it to/),
    });
    expect(await texts()).toEqual([]);
    await raw.hset(keys.bridge, `read:${stream}`, '0-0');
    await store.pull(1);
    expect(await texts()).toEqual(['one']);
  });

  test.each(['source', 'inbox', 'counters', 'bridge', 'packs', 'gaps', 'held'] as const)(
    'changes nothing if the key of the %s holds something foreign',
    async (name) => {
      const { store, add, raw, keys, stream } = await withStream();
      await add('one');
      const key = name === 'source' ? stream : keys[name];
      await raw.set(key, 'foreign');
      const all = [...Object.values(keys), stream];
      const before = await Promise.all(all.map((one) => raw.dumpBuffer(one)));
      await expect(store.pull(1)).rejects.toMatchObject({ code: 'KEY_TYPE' });
      expect(await Promise.all(all.map((one) => raw.dumpBuffer(one)))).toEqual(before);
    },
  );
});

describe('a stream that is trimmed', () => {
  // Redis 6 does not count what was ever added: there what was read and then trimmed is a gap, too.
  test.skipIf(isRedis6)('makes a gap of the entries that were not read, once, and of no others', async () => {
    const { add, raw, keys, stream, pullAll, texts, inspector } = await withStream();
    await add(...numbered(5, 'before the group'));
    await raw.xtrim(stream, 'MAXLEN', 3);
    expect(await pullAll()).toEqual([]);
    // What was read may go.
    await raw.xtrim(stream, 'MAXLEN', 0);
    await add(...numbered(4, 'read'));
    expect(await pullAll()).toEqual([]);
    await add(...numbered(10, 'late'));
    await raw.xtrim(stream, 'MAXLEN', 3);
    const gaps = await pullAll();
    expect(gaps).toEqual([{ reason: TRIMMED, since: expect.any(Number), dropped: 7 }]);
    expect(await pullAll()).toEqual([]);
    await add('one more');
    expect(await pullAll()).toEqual([]);
    expect((await texts()).slice(-4)).toEqual(['late 7', 'late 8', 'late 9', 'one more']);
    expect((await inspector.read()).counters).toMatchObject({ gaps: 1, dropped: 7 });
    const { records } = await inspector.gaps();
    expect(records).toEqual([{ from: expect.any(Number), to: expect.any(Number), reason: TRIMMED }]);
    expect(await raw.xlen(keys.gaps)).toBe(1);
  });

  test.skipIf(isRedis6)(
    'of which a read entry is left makes none, nor one of which read entries were deleted',
    async () => {
      const { add, raw, stream, pullAll } = await withStream();
      const ids = await add(...numbered(10));
      await pullAll();
      await raw.xdel(stream, ...ids.slice(3));
      await add('new');
      expect(await pullAll()).toEqual([]);
      await raw.xtrim(stream, 'MAXLEN', 1);
      await add('newer');
      expect(await pullAll()).toEqual([]);
    },
  );
});

test('a wait for a stream ends with the next entry, not with one that was read', async () => {
  const { store, add } = await withStream();
  await add('one');
  await store.pull(1);
  expect(await store.wait()).toBe(false);
  const waits = store.wait();
  await add('two');
  expect(await waits).toBe(true);
});
