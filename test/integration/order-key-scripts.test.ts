import { describe, expect, onTestFinished, test } from 'vitest';
import { countIn, identitiesIn } from '../../src/core/pack.js';
import { silentLogger } from '../../src/log/logger.js';
import { RedisBridgeStore } from '../../src/redis/bridge-store.js';
import { RedisConsumerStore } from '../../src/redis/consumer-store.js';
import { RedisKeyStore } from '../../src/redis/key-store.js';
import { OrderedCommits } from '../../src/redis/ordered-commits.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { type KeyedGroup, keyedGroup } from '../helpers/keyed-group.js';
import { packed } from '../helpers/packed.js';
import { withRedis } from '../helpers/redis.js';
import { GROUP } from '../helpers/stores.js';

const redis = withRedis();

const messages = (count: number, k: unknown, from = 0) =>
  Array.from({ length: count }, (_, i) => ({ message_id: from + i, k }));

const numberIn = (text: unknown) => (JSON.parse(String(text)) as { message_id: number }).message_id;

/** The messages of a run as a consumer settles them: results of the first `done`. */
async function runOf(group: KeyedGroup, done: number, more: object = {}) {
  const { packs } = await group.readUnits('a');
  const pack = packs[0];
  if (!pack) throw new Error('no run was read');
  const texts = pack.messages.slice(0, done).flatMap((text) => [`m${numberIn(text)}`, String(text)]);
  const left = pack.messages.slice(done).map((_, i) => ({ number: done + i + 1 }));
  const times = Array.from({ length: 2 * done }, () => 7);
  return { id: pack.id, key: pack.key, consumerId: 'a', texts, left, times, ...more };
}

const resultOf = (entry: {
  id: string;
  identity?: string | undefined;
  key?: string | undefined;
  message: unknown;
}) => ({
  entryId: entry.id,
  inboxId: entry.identity ?? entry.id,
  key: entry.key,
  consumerId: 'a',
  messageId: `m${numberIn(entry.message)}`,
  data: String(entry.message),
  startedAt: 1,
  finishedAt: 2,
});

/** Relays messages of one key, and settles the first: the others are a run then. */
async function withRun(count: number, options = {}) {
  const group = await keyedGroup(redis.namespace(), options);
  await group.relay(messages(count + 1, 'a'));
  const { entries } = await group.readUnits('a');
  expect(await group.consumerStore.commit(entries.map(resultOf), 0)).toEqual([]);
  return group;
}

const outputOf = async ({ fields, keys }: KeyedGroup) =>
  (await fields(keys.output)).map(({ message_id }) => message_id);

test('runs of many calls have no id twice, however fast they follow each other', async () => {
  const group = await keyedGroup(redis.namespace());
  const KEYS = 30;
  // Each run is longer than the one before: in the same block of numbers, Redis would take its id.
  await group.relay(Array.from({ length: KEYS }, (_, k) => messages(k + 3, `k${k}`)).flat());
  const { entries } = await group.readUnits('a');
  await Promise.all(entries.map((entry) => group.consumerStore.commit([resultOf(entry)], 0)));
  const ids = (await group.raw.xrange(group.keys.packs, '-', '+')).map(([id]) => id);
  expect(ids).toHaveLength(KEYS);
  const all = ids.flatMap((id) => identitiesIn(id, countIn(id)));
  expect(new Set(all).size).toBe(all.length);
});

describe('relay', () => {
  test('holds messages whose key is busy, those of the same call too', async () => {
    const group = await keyedGroup(redis.namespace());
    await group.relay([...messages(3, 'a'), ...messages(1, 2, 3), ...messages(2, null, 4)]);
    await group.relay(messages(1, 'a', 6));
    const inbox = await group.fields(group.keys.inbox);
    expect(inbox.map(({ message, key }) => [numberIn(message), key])).toEqual([
      [0, '"a"'],
      [3, '2'],
      [4, undefined],
      [5, undefined],
    ]);
    const held = await group.held();
    expect(held.map(({ key, message, past }) => [key, numberIn(message), past])).toEqual([
      ['"a"', 1, ''],
      ['"a"', 2, ''],
      ['"a"', 6, ''],
    ]);
    expect(await group.inspector.read()).toMatchObject({ backlog: 7, waiting: 4, held: 3 });
    expect((await group.inspector.totals()).held).toBe(3);
    expect(await group.raw.hget(group.keys.busy, '2')).toMatch(/^\d+-\d+\.$/);
  });

  test('numbers held messages on, though another program spoilt the number', async () => {
    const group = await keyedGroup(redis.namespace());
    await group.relay(messages(2, 'a'));
    await group.raw.hset(group.keys.bridge, 'held', 'foreign');
    await group.relay(messages(2, 'a', 2));
    await group.raw.hdel(group.keys.bridge, 'held');
    await group.relay(messages(2, 'a', 4));
    expect((await group.held()).map(({ message }) => numberIn(message))).toEqual([1, 2, 3, 4, 5]);
  });
});

test('what waits is read, the held messages included', async () => {
  const group = await keyedGroup(redis.namespace());
  for (const [i, k] of ['a', 7, 'b', 'c'].entries()) await group.relay(messages(1 + 10 * i, k, 100 * i));
  const waiting: number[] = [];
  for await (const { fields } of group.inspector.inbox()) waiting.push(numberIn(fields.message));
  // What is held, twice: it may have moved on meanwhile.
  expect(new Set(waiting).size).toBe(64);
});

describe('a run', () => {
  test('holds what waits, up to so many messages or 64 KB', async () => {
    const group = await withRun(10, { run: 4 });
    const run = await runOf(group, 4);
    expect(run.id).toMatch(/-1\d{3}004$/);
    await group.consumerStore.settlePacks([run], 0);
    group.most.run = 1;
    await group.consumerStore.settlePacks([await runOf(group, 4)], 0);
    // One by one from here.
    const { entries, packs } = await group.readUnits('a');
    expect([entries.map(({ message }) => numberIn(message)), packs]).toEqual([[9], []]);
    expect(await outputOf(group)).toEqual(['m0', 'm1', 'm2', 'm3', 'm4', 'm5', 'm6', 'm7', 'm8']);
    const [first] = await group.fields(group.keys.output);
    expect(Object.keys(first ?? {})).toContain('finished_at');

    const large = await keyedGroup(redis.namespace());
    const text = 'x'.repeat(20_000);
    await large.relay(messages(9, 'a').map((message) => ({ ...message, text })));
    await large.consumerStore.commit((await large.readUnits('a')).entries.map(resultOf), 0);
    expect((await large.readUnits('a')).packs.map((pack) => pack.messages.length)).toEqual([3]);
  });

  test('of which a message failed: that one keeps the key, the others go before all others', async () => {
    const group = await withRun(5);
    await group.relay(messages(2, 'a', 6));
    const outcome = { kind: 'failed', reason: 'failed', error: 'broken' } as const;
    const run = await runOf(group, 2);
    const left = run.left.map((one, i) => (i === 0 ? { ...one, outcome } : one));
    expect(await group.consumerStore.settlePacks([{ ...run, left }], 0)).toEqual([]);
    expect(await outputOf(group)).toEqual(['m0', 'm1', 'm2']);
    const [entry] = (await group.readUnits('a')).entries;
    expect(entry).toMatchObject({
      key: '"a"',
      attempts: 0,
      outcome,
      identity: expect.stringMatching(/003$/),
    });
    expect(numberIn(entry?.message)).toBe(3);
    expect((await group.held()).map(({ message }) => numberIn(message))).toEqual([4, 5, 6, 7]);
    const late = await group.consumerStore.settlePacks([{ ...run, left }], 0);
    expect(late).toEqual([run.id]);
    expect(await outputOf(group)).toHaveLength(3);
  });

  test('of a silent consumer: its messages keep their ids, and go one by one', async () => {
    const group = await withRun(3);
    const run = await runOf(group, 3);
    expect(await group.consumerStore.rescue(0)).toEqual({ messages: 3, more: false, lost: 0 });
    for (const n of [1, 2, 3]) {
      const { entries, packs } = await group.readUnits('b');
      expect(packs).toEqual([]);
      const identity = run.id.replace(/003$/, `00${n}`);
      expect(entries).toMatchObject([{ identity, attempts: 1, key: '"a"' }]);
      await group.consumerStore.commit(entries.map(resultOf), 0);
    }
    expect(await outputOf(group)).toEqual(['m0', 'm1', 'm2', 'm3']);
    expect(await group.raw.exists(group.keys.busy, group.keys.held)).toBe(0);
  });

  test('is written to a list', async () => {
    const group = await withRun(3, { list: true });
    await group.consumerStore.settlePacks([await runOf(group, 2)], 0);
    const lines = (await group.raw.lrange(group.keys.output, 0, -1)).map(
      (line) => JSON.parse(line) as object,
    );
    expect(lines).toMatchObject([0, 1, 2].map((n) => ({ message_id: `m${n}`, data: { message_id: n } })));
    expect(lines[1]).toMatchObject({ started_at: 7, finished_at: 7 });
  });

  test('is left by a process whose group has another order, message by message', async () => {
    const group = await withRun(3);
    group.most.run = 2;
    expect(await group.keyStore.disband()).toEqual({ messages: 0, more: false });
    expect(await group.consumerStore.unpack(true)).toEqual({ messages: 0, more: false });
    expect(await group.consumerStore.unpack()).toEqual({ messages: 3, more: false });
    expect(await group.keyStore.disband()).toEqual({ messages: 2, more: false });
    const inbox = (await group.fields(group.keys.inbox)).map(({ message }) => numberIn(message));
    expect(inbox).toEqual([1, 2, 3]);
  });
});

describe('ids of one key', () => {
  test('rise, though a run has one ahead of the clock', async () => {
    const group = await withRun(2);
    const ahead = Date.now() + 60_000;
    const run = await runOf(group, 2);
    // As if the clock had been put back since.
    const id = `${ahead}-1000002`;
    const [[, fields]] = (await group.raw.xrangeBuffer(group.keys.packs, run.id, run.id)) as [
      [Buffer, Buffer[]],
    ];
    await group.raw.xdel(group.keys.packs, run.id);
    await group.raw.xadd(group.keys.packs, id, ...fields);
    await group.raw.hset(group.keys.busy, '"a"', id);
    await group.raw.hset(group.keys.bridge, 'run', id);
    await group.relay(messages(1, 'a', 3));
    await group.consumerStore.settlePacks([{ ...run, id }], 0);
    const [entry] = (await group.readUnits('a')).entries;
    expect(entry?.id).toBe(`${ahead + 1}-0`);
  });
});

describe('without the right to one command', () => {
  /** The commands that each call sends. */
  const COMMANDS = [
    'xadd',
    'xdel',
    'xack',
    'hset',
    'hdel',
    'hmget',
    'hget',
    'hincrby',
    'zadd',
    'zrem',
    'zcard',
    'zrangebylex',
    'zremrangebylex',
    'xlen',
    'xrange',
    'xpending',
    'time',
    'type',
    'hscan',
    'del',
    'xinfo',
  ];

  /** Everything that was relayed, wherever it is. */
  const everywhere = async (group: KeyedGroup) => {
    const { raw, keys } = group;
    const out = (await raw.xrange(keys.output, '-', '+')).map(([, f]) => numberIn(f[7]));
    const dead = (await raw.xrange(keys.dead, '-', '+')).map(([, f]) => numberIn(f[1]));
    const inbox = (await raw.xrange(keys.inbox, '-', '+')).map(([, f]) => numberIn(f[1]));
    const packs = (await raw.xrange(keys.packs, '-', '+')).flatMap(([, f]) =>
      [...String(f[1]).matchAll(/"message_id":(\d+)/g)].map(([, n]) => Number(n)),
    );
    const held = (await group.held()).map(({ message }) => numberIn(message));
    return [...out, ...dead, ...inbox, ...packs, ...held].sort((a, b) => a - b);
  };

  test.each(COMMANDS)(
    '%s, nothing is lost or doubled, and all goes on with it',
    { timeout: 60_000 },
    async (command) => {
      for (const call of [
        'relay',
        'commit',
        'bury',
        'settle',
        'settle a part',
        'rescue',
        'leave',
        'search',
        'disband',
        'unpack',
      ]) {
        const group = await withRun(6, { run: 3 });
        const { raw, keys } = group;
        const run = await runOf(group, call === 'settle a part' ? 1 : 3);
        await group.relay([...messages(2, 'b', 7), ...messages(2, 'c', 9)]);
        const { entries } = await group.readUnits('a');
        const user = `u${Math.random().toString(36).slice(2)}`;
        await raw.call('ACL', 'SETUSER', user, 'on', 'nopass', '~*', '&*', '+@all', `-${command}`);
        const url = redis.url.replace('redis://', `redis://${user}:x@`);
        const connection = new Connection(url, 'limited', silentLogger);
        onTestFinished(() => connection.close());
        await connection.connect();
        const sink = { list: false, order: 'key', timed: true } as const;
        const ordered = new OrderedCommits(connection, keys, {
          ...sink,
          group: GROUP,
          maxLength: 0,
          run: () => 3,
        });
        const store = new RedisConsumerStore(connection, keys, GROUP, undefined, {
          ordered,
          burying: { order: 'key', halt: false },
        });
        const keyStore = new RedisKeyStore(connection, keys, GROUP, () => 3);
        const bridge = new RedisBridgeStore(connection, keys, 'k');
        const before = await everywhere(group);
        expect(before).toEqual(Array.from({ length: 11 }, (_, i) => i));
        const { token, epoch, offset } = await raw.hgetall(keys.bridge);
        const from = { epoch: Number(epoch), offset: Number(offset) };
        let relayed = 0;
        const more = messages(3, 'b', 11);
        const calls: Record<string, () => Promise<unknown>> = {
          relay: async () => {
            const to = { ...from, offset: from.offset + 3 };
            const texts = packed(more.map((message) => JSON.stringify(message)));
            await bridge.relay({
              caller: 'keyed',
              token: Number(token),
              from,
              to,
              messages: texts,
              packSize: 1,
            });
            relayed = 3;
          },
          commit: () => store.commit(entries.map(resultOf), 0),
          bury: () =>
            store.bury(
              entries.map((entry) => {
                const { entryId, inboxId, key, consumerId, data: message } = resultOf(entry);
                const held = { entryId, inboxId, key, consumerId, message };
                return { ...held, reason: 'failed' as const, error: 'x', attempts: 1, failed: true };
              }),
              0,
            ),
          settle: () => store.settlePacks([run], 0),
          'settle a part': () => store.settlePacks([run], 0),
          rescue: () => store.rescue(0),
          leave: () => store.leave('a', new Map(), []),
          search: () => keyStore.search({ busy: '0', held: '-' }, 100),
          disband: () => keyStore.disband(),
          unpack: () => store.unpack(),
        };
        await calls[call]?.().catch(() => {});
        const all = Array.from({ length: 11 + relayed }, (_, i) => i);
        expect(await everywhere(group), `${call} without ${command}`).toEqual(all);
        const { counters, backlog } = await group.inspector.read();
        expect(counters.processed + counters.dead + backlog, `counts of ${call} without ${command}`).toBe(
          counters.relayed,
        );
        // All of it ends with the right.
        for (let round = 0; round < 60 && (await group.inspector.read()).backlog > 0; round++) {
          await group.keyStore.search({ busy: '0', held: '-' }, 100);
          await group.consumerStore.rescue(0);
          const request = { consumerId: 'z', silence: 0, count: 100, everyone: true, from: undefined };
          const found = [
            ...(await group.readUnits('z')).entries,
            ...(await group.consumerStore.reclaim(request)).entries,
            ...(await group.consumerStore.due('z', 100, 60_000)).entries,
          ];
          const results = found.map(resultOf).sort((x, y) => (x.entryId < y.entryId ? -1 : 1));
          if (results.length > 0) await group.consumerStore.commit(results, 0);
        }
        expect((await group.inspector.read()).backlog, `what is left of ${call} without ${command}`).toBe(0);
        await raw.call('ACL', 'DELUSER', user);
        connection.close();
        group.close();
      }
    },
  );
});
