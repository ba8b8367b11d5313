import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { orderKeyOf } from '../../src/core/order-key.js';
import type { PulledSource } from '../../src/core/source.js';
import { silentLogger } from '../../src/log/logger.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { RedisSourceStore } from '../../src/redis/source-store.js';
import { isRedis6, withRedis } from '../helpers/redis.js';
import { GROUP, openStores } from '../helpers/stores.js';

const redis = withRedis();

type Kind = 'left' | 'right' | 'stream';
const KINDS = ['left', 'right', 'stream'] as const;

/**
 * A list that is taken from one end, or a stream, the group with order `key` that takes from it, and an admin whose rights
 * no test withdraws. The key is `k`.
 */
async function withSource(kind: Kind) {
  const space = redis.namespace();
  const stores = await openStores(space);
  const { raw, keys } = stores;
  const name = `${space.channel}:source`;
  await raw.call('ACL', 'SETUSER', 'admin', 'on', '>secret', 'allkeys', 'allchannels', '+@all');
  const admin = new Redis(space.redis, { username: 'admin', password: 'secret' });
  const waiting = new Connection(space.redis, 'waiting', silentLogger);
  onTestFinished(() => {
    admin.disconnect();
    waiting.close();
  });
  await waiting.connect();
  const source: PulledSource =
    kind === 'stream' ? { kind: 'stream', name } : { kind: 'list', name, from: kind };
  /** A process that takes messages. `between` is called once, after a page was read and before the script that takes it. */
  const processOf = async () => {
    const own = new Connection(space.redis, 'test', silentLogger);
    onTestFinished(() => own.close());
    await own.connect();
    const process = {
      store: new RedisSourceStore(own, waiting, keys, source, 'here', 'k'),
      between: undefined as (() => Promise<unknown>) | undefined,
    };
    const run = own.run.bind(own) as (...args: unknown[]) => Promise<unknown>;
    own.run = (async (script: unknown, on: unknown, options: { read?: unknown }) => {
      const { between } = process;
      if (between && typeof options.read === 'object') {
        process.between = undefined;
        await between();
      }
      return run(script, on, options);
    }) as typeof own.run;
    return process;
  };
  const add = async (...texts: (string | Buffer)[]) => {
    if (kind === 'left') return void (await admin.rpush(name, ...texts));
    if (kind === 'right') return void (await admin.lpush(name, ...texts));
    const pipeline = admin.pipeline();
    for (const text of texts) pipeline.xadd(name, '*', 'message', text);
    await pipeline.exec();
  };
  /** What has been taken: the messages of each key in their order, '' for those without. */
  const taken = async () => {
    const found: Record<string, Buffer[]> = {};
    const note = (key: string, message: Buffer) => {
      found[key] = [...(found[key] ?? []), message];
      expect(orderKeyOf(message, ['k']) ?? '').toBe(key);
    };
    for (const [, [, message, , key]] of await admin.xrangeBuffer(keys.inbox, '-', '+'))
      note(String(key ?? ''), message as Buffer);
    const inInbox = Object.entries(found).filter(([key]) => key !== '');
    expect(inInbox.filter(([, { length }]) => length > 1)).toEqual([]);
    for (const member of (await admin.zrangeBuffer(keys.held, 0, -1)) as Buffer[]) {
      const [first, second] = [member.indexOf(0), member.indexOf(0, member.indexOf(0) + 1)];
      note(String(member.subarray(0, first)), member.subarray(member.indexOf(0, second + 1) + 1));
    }
    return found;
  };
  const left = async () =>
    kind === 'stream' ? ((await stores.inspector.waitingIn(source)) ?? 0) : admin.llen(name);
  /** What the group has, without the time of a pull and the number of the last message that was held. */
  const state = async () => {
    const { pulled_at: _, held: __, ...bridge } = await admin.hgetall(keys.bridge);
    const { inbox, packs, gaps } = keys;
    return [
      bridge,
      await admin.hgetall(keys.counters),
      await admin.hgetall(keys.busy),
      await admin.zrange(keys.held, 0, -1),
      ...(await Promise.all([inbox, packs, gaps].map((stream) => admin.xrange(stream, '-', '+')))),
      kind === 'stream' ? await admin.xlen(name) : await admin.lrange(name, 0, -1),
    ];
  };
  return { ...stores, name, admin, source, processOf, add, taken, left, state, ...(await processOf()) };
}

type Setup = Awaited<ReturnType<typeof withSource>>;

const messageOf = (id: number, k: unknown, text = '') => JSON.stringify({ message_id: id, k, text });
/** Messages of five keys, one of which is none, in turn. */
const mixed = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => messageOf(from + i, ['a', 7, 'b', null, true][(from + i) % 5]));

async function pullAll({ store }: Pick<Setup, 'store'>): Promise<number[]> {
  const sizes: number[] = [];
  for (;;) {
    const { messages, next } = await store.pull(1);
    sizes.push(messages);
    if (next === 'wait') return sizes;
    expect(next).toBe('more');
  }
}

/** All of these were taken, those of each key in their order. */
async function expectTaken({ taken, counters }: Setup & { counters: () => Promise<unknown> }, all: string[]) {
  const expected: Record<string, string[]> = {};
  for (const text of all) {
    const key = orderKeyOf(Buffer.from(text), ['k']) ?? '';
    expected[key] = [...(expected[key] ?? []), text];
  }
  const found = Object.entries(await taken()).map(([key, texts]) => [key, texts.map(String)]);
  expect(Object.fromEntries(found)).toEqual(expected);
  expect(await counters()).toBe(String(all.length));
}

const withCounters = (setup: Setup) => ({
  ...setup,
  counters: () => setup.admin.hget(setup.keys.counters, 'relayed'),
});

describe.each(KINDS)('a pull with order key (%s)', (kind) => {
  test('writes a message whose key is free to the inbox, and holds the others, in their order', async () => {
    const setup = await withSource(kind);
    const { add, left, keys, raw } = setup;
    const all = mixed(2_500);
    await add(...all.slice(0, 2_400));
    const sizes = await pullAll(setup);
    expect(Math.max(...sizes)).toBe(1_000);
    expect(await left()).toBe(0);
    await add(...all.slice(2_400));
    await pullAll(setup);
    expect(await setup.store.pull(1)).toEqual({ messages: 0, next: 'wait' });
    await expectTaken(withCounters(setup), all);
    expect(Object.keys(await raw.hgetall(keys.busy)).sort()).toEqual(['"a"', '"b"', '7', 'true']);
    expect(await raw.xlen(keys.packs)).toBe(0);
  });

  test('writes nothing if another process has taken messages since it read them', async () => {
    const setup = await withSource(kind);
    const { add, state, processOf } = setup;
    const all = mixed(300);
    await add(...all);
    const [one, other] = [await processOf(), await processOf()];
    await other.store.pull(1);
    let after: unknown;
    one.between = async () => {
      await other.store.pull(1);
      after = await state();
    };
    expect(await one.store.pull(1)).toMatchObject({ messages: 0, next: 'changed' });
    expect(await state()).toEqual(after);
    await pullAll(one);
    await expectTaken(withCounters(setup), all);
  });

  test('writes nothing if a message that it read is gone', async () => {
    const setup = await withSource(kind);
    const { add, state, store, admin, name, processOf } = setup;
    const all = mixed(20);
    await add(...all);
    const one = await processOf();
    let after: unknown;
    one.between = async () => {
      if (kind === 'left') await admin.lpop(name);
      else if (kind === 'right') await admin.rpop(name);
      else await admin.xdel(name, (await admin.xrange(name, '-', '+', 'COUNT', 1))[0]?.[0] ?? '');
      after = await state();
    };
    expect(await one.store.pull(1)).toMatchObject({ messages: 0, next: 'changed' });
    expect(await state()).toEqual(after);
    await pullAll({ store });
    await expectTaken(withCounters(setup), all.slice(1));
  });

  test('of many processes at once takes all, once', async () => {
    const setup = await withSource(kind);
    const all = mixed(2_000);
    await setup.add(...all);
    const processes = await Promise.all(Array.from({ length: 4 }, setup.processOf));
    await Promise.all(
      processes.map(async ({ store }) => {
        while ((await store.pull(1)).next !== 'wait');
      }),
    );
    await expectTaken(withCounters(setup), all);
  });

  test('takes messages of any size, about a megabyte at a time', async () => {
    const setup = await withSource(kind);
    const large = (id: number, size: number) => messageOf(id, 'a', 'x'.repeat(size));
    const all = [
      ...mixed(500),
      ...[1, 2, 3].map((i) => large(500 + i, 3_000_000)),
      ...Array.from({ length: 10 }, (_, i) => large(600 + i, 400_000)),
      ...mixed(100, 700),
    ];
    await setup.add(...all.slice(0, 100));
    await setup.add(...all.slice(100));
    await pullAll(setup);
    await expectTaken(withCounters(setup), all);
  });

  test('knows that more messages wait than those that it took', async () => {
    const setup = await withSource(kind);
    for (let i = 0; i < 3; i++) await setup.add(messageOf(i, 'a', 'x'.repeat(1_000_000)));
    expect((await pullAll(setup)).slice(0, 3)).toEqual([1, 1, 1]);
  });

  test.each(['source', 'inbox', 'counters', 'bridge', 'packs', 'busy', 'held'] as const)(
    'changes nothing if the key of the %s holds something foreign',
    async (which) => {
      const { add, store, admin, keys, name } = await withSource(kind);
      await add(...mixed(5));
      const key = which === 'source' ? name : keys[which];
      await admin.set(key, 'foreign');
      const all = [...Object.values(keys), name];
      const before = await Promise.all(all.map((one) => admin.dumpBuffer(one)));
      await expect(store.pull(1)).rejects.toMatchObject({
        code: 'KEY_TYPE',
        message: expect.stringContaining(`the key ${key} holds a string`),
      });
      expect(await Promise.all(all.map((one) => admin.dumpBuffer(one)))).toEqual(before);
    },
  );

  test('undoes all if no higher id is left in the inbox', async () => {
    const setup = await withSource(kind);
    const { add, store, admin, keys, state } = setup;
    await admin.hset(keys.counters, 'packed', 0, 'relayed', 0);
    // Three entries more fit.
    const last = '18446744073709551615-18446744073709551612';
    await admin.xadd(keys.inbox, last, 'message', 'foreign');
    await admin.xdel(keys.inbox, last);
    const all = mixed(30);
    await add(...all);
    const before = await state();
    for (let i = 0; i < 2; i++)
      await expect(store.pull(1)).rejects.toMatchObject({
        code: 'REDIS_REFUSED',
        message: expect.stringContaining(keys.inbox),
      });
    expect(await state()).toEqual(before);
    // Since 7.2 Redis sets no id back behind an entry that was deleted.
    await admin.del(keys.inbox);
    await admin.xgroup('CREATE', keys.inbox, GROUP, '0', 'MKSTREAM');
    await pullAll(setup);
    await expectTaken(withCounters(setup), all);
  });
});

const COMMANDS = [
  ...['xadd', 'xdel', 'hincrby', 'hset', 'hdel', 'hmget', 'zadd', 'zrem', 'zremrangebylex', 'time'],
];
describe.each([
  ['left', [...COMMANDS, 'lrange', 'ltrim']],
  ['right', ['lrange', 'ltrim']],
  ['stream', [...COMMANDS, 'xrange']],
] as const)('a pull with order key that Redis refuses (%s)', (kind, commands) => {
  test.each(commands)('changes nothing without %s', async (command) => {
    const setup = await withSource(kind);
    const { add, store, admin, state } = setup;
    const all = mixed(60);
    await add(...all.slice(0, 3));
    await pullAll(setup);
    // One key is free, two are busy; of both more follow.
    await add(...all.slice(3));
    const before = await state();
    await admin.call('ACL', 'SETUSER', 'default', `-${command}`);
    try {
      await expect(store.pull(1)).rejects.toThrow();
    } finally {
      await admin.call('ACL', 'SETUSER', 'default', `+${command}`);
    }
    expect(await state()).toEqual(before);
    await pullAll(setup);
    await expectTaken(withCounters(setup), all);
  });
});

describe('a pull with order key from a stream', () => {
  test('finds the key in an entry without the field message, as it is in the message', async () => {
    const setup = await withSource('stream');
    const { admin, name, taken } = setup;
    await admin.xadd(name, '*', 'message_id', '1', 'k', 'a');
    await admin.xadd(name, '*', 'k', 'b', 'k', '"\\\n\u0001\u007f/é\0');
    await admin.xadd(name, '*', 'k', 'b', 'bytes', Buffer.from([0xff]));
    await admin.xadd(name, '*', 'k', 'b', 'message', messageOf(4, 'a'));
    await admin.xadd(name, '*', 'k', '7', '__proto__', 'x');
    await admin.xadd(name, '*', 'message', 'no JSON');
    await admin.xadd(name, '*', '', '');
    await pullAll(setup);
    // `taken` compares each key with that of the message.
    const found = Object.entries(await taken()).map(([key, { length }]) => [key, length]);
    expect(Object.fromEntries(found)).toEqual({
      '"a"': 2,
      [JSON.stringify('"\\\n\u0001\u007f/é\0')]: 1,
      '"7"': 1,
      '': 3,
    });
  });

  test('takes entries whose message is much longer than their fields', async () => {
    const setup = await withSource('stream');
    const { admin, name, left, keys } = setup;
    const pipeline = admin.pipeline();
    for (let i = 0; i < 60; i++) pipeline.xadd(name, '*', 'k', i % 3, 'text', '\u0001'.repeat(60_000));
    await pipeline.exec();
    await pullAll(setup);
    expect(await left()).toBe(0);
    expect(await admin.zcard(keys.held)).toBe(57);
  });

  test('reads nothing while the backlog is full', async () => {
    const { store, add, raw, keys, processOf } = await withSource('stream');
    await add(...mixed(3));
    await raw.hset(keys.counters, 'packed', 100_000);
    await raw.xadd(keys.packs, '1-1000001', 'pack', 'x');
    expect(await store.pull(1)).toEqual({ messages: 0, next: 'full' });
    await raw.del(keys.packs);
    // Filled meanwhile.
    const one = await processOf();
    one.between = () => raw.xadd(keys.packs, '1-1000001', 'pack', 'x');
    expect(await one.store.pull(1)).toMatchObject({ messages: 0, next: 'full' });
    await raw.del(keys.packs);
    expect(await store.pull(1)).toMatchObject({ messages: 3, next: 'wait' });
  });

  test('makes a gap of entries that were trimmed before they were read', async () => {
    const setup = await withSource('stream');
    const { store, add, admin, name } = setup;
    await add(...mixed(5));
    await pullAll(setup);
    await add(...mixed(10, 5));
    await admin.xtrim(name, 'MAXLEN', 3);
    expect(await store.pull(1)).toMatchObject({
      messages: 3,
      next: 'wait',
      gap: { dropped: isRedis6 ? 0 : 7 },
    });
    expect(await store.pull(1)).toMatchObject({ messages: 0, next: 'wait' });
  });
});
