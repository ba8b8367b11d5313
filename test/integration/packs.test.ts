import { expect, test } from 'vitest';
import type { Entry } from '../../src/core/consumer-store.js';
import { identityIn } from '../../src/core/pack.js';
import { orphans } from '../../src/redis/scripts/group.js';
import { lateStreams } from '../../src/redis/stream-ids.js';
import { verify } from '../../src/verify/verify.js';
import { packGroup } from '../helpers/pack-group.js';
import { withRedis } from '../helpers/redis.js';
import { GROUP } from '../helpers/stores.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const LAST = '18446744073709551615';

const group = () => packGroup(redis.namespace());

/** All messages of a pack processed, but for those that are left. */
const settlementOf = (id: string, size = 3, ...left: number[]) => ({
  id,
  consumerId: 'a',
  texts: Array.from({ length: size }, (_, i) => i + 1)
    .filter((number) => !left.includes(number))
    .flatMap((number) => [`m${number}`, '{}']),
  left: left.map((number) => ({ number })),
});

test.each([
  ['the output', 'output', []],
  ['the inbox, after results were written', 'inbox', [3]],
] as const)(
  'a pack is not settled at all if %s refuses an entry; those before it are',
  async (_, key, left) => {
    const { relayPacks, readAll, consumerStore, raw, keys, inspector } = await group();
    const [one, two] = (await relayPacks(2)) as [string, string];
    await readAll();
    // Three entries fit, or none.
    await raw.xadd(keys[key], `${LAST}-${key === 'output' ? '18446744073709551612' : LAST}`, 'message', 'x');
    const before = await raw.dumpBuffer(keys.packs);
    const settled = consumerStore.settlePacks([settlementOf(one), settlementOf(two, 3, ...left)], 0);
    await expect(settled).rejects.toMatchObject({
      code: 'REDIS_REFUSED',
      message: expect.stringContaining(keys[key]),
    });
    expect((await raw.xrange(keys.packs, '-', '+')).map(([id]) => id)).toEqual([two]);
    expect(await raw.dumpBuffer(keys.packs)).not.toEqual(before);
    expect(await inspector.read()).toMatchObject({
      counters: { processed: 3 },
      outputLength: key === 'output' ? 4 : 3,
    });
    expect(await raw.hgetall(keys.processed)).toEqual({ a: '3' });
    expect(await raw.xlen(keys.inbox)).toBe(key === 'inbox' ? 1 : 0);
  },
);

test('a pack that does not fit into what is left of the output is settled by no part', async () => {
  const { relayPacks, readAll, consumerStore, raw, keys } = await group();
  const [one] = (await relayPacks(1)) as [string];
  await readAll();
  await raw.xadd(keys.output, `${LAST}-18446744073709551613`, 'message', 'x');
  await expect(consumerStore.settlePacks([settlementOf(one)], 0)).rejects.toMatchObject({
    code: 'REDIS_REFUSED',
  });
  expect([
    await raw.xlen(keys.output),
    await raw.xlen(keys.packs),
    await raw.hget(keys.counters, 'processed'),
  ]).toEqual([1, 1, '0']);
});

test('a foreign entry among the packs becomes one dead letter, and the packs beside it are read', async () => {
  const { relayPacks, readAll, consumerStore, raw, keys } = await group();
  await raw.xadd(keys.packs, '5-1000002', 'pack', 'no pack', 'more', 'x');
  await raw.xadd(keys.packs, '5-1000003', 'message', '{"message_id":"foreign"}');
  await raw.xadd(keys.packs, '5-1000251', 'pack', Buffer.from('db00000000'.repeat(251), 'hex'));
  await raw.xadd(keys.packs, '6-1', 'pack', Buffer.from([0xdb, 0, 0, 0, 1, 0x61]));
  const ids = await relayPacks(2);
  const { packs, entries } = await readAll();
  expect(packs.map(({ id }) => id)).toEqual(ids);
  expect(entries).toEqual([]);
  // A consumer renews what it can read: only the others become silent.
  await until(async () => {
    const idle = (await raw.xpending(keys.packs, GROUP, '-', '+', 9)) as [string, string, number, number][];
    return idle.every(([id, , ms]) => ids.includes(id) || ms > 100);
  });
  for (const id of ids) await raw.xclaim(keys.packs, GROUP, 'a', 0, id, 'IDLE', 0, 'JUSTID');
  expect(await consumerStore.rescue(100)).toEqual({ messages: 0, lost: 0, more: false });
  expect((await raw.xrange(keys.packs, '-', '+')).map(([id]) => id)).toEqual(ids);
  const { entries: letters } = await readAll();
  expect(letters.map(({ message }) => String(message))).toEqual([
    'foreign entry: pack pack no pack more x',
    'foreign entry: pack message {"message_id":"foreign"}',
    expect.stringMatching(/^foreign entry: pack pack /),
    expect.stringMatching(/^foreign entry: pack pack /),
  ]);
  expect(await raw.hget(keys.counters, 'packed')).toBe('6');
});

test('renewed packs stay with their consumer; of deleted ones each message is lost', async () => {
  const { relayPacks, readAll, consumerStore, raw, keys, inspector } = await group();
  const [one, two, three] = (await relayPacks(3)) as [string, string, string];
  await readAll();
  await raw.xclaim(keys.packs, GROUP, 'a', 0, one, 'IDLE', 60_000, 'JUSTID');
  await raw.xdel(keys.packs, two);
  expect(await consumerStore.renewPacks('a', [one, two])).toEqual({ gone: [two], deleted: 3 });
  expect(await consumerStore.renewPacks('b', [three])).toEqual({ gone: [three], deleted: 0 });
  expect(await consumerStore.rescue(30_000)).toEqual({ messages: 0, lost: 0, more: false });
  expect(await inspector.read()).toMatchObject({ backlog: 6, pending: 6, counters: { relayed: 9, lost: 3 } });
});

test('the lag of a message that left its pack counts from its relay', async () => {
  const { relayPacks, readAll, consumerStore, inspector } = await group();
  await relayPacks(1);
  await readAll();
  await until(async () => (await inspector.totals()).lagMs > 300);
  expect(await consumerStore.rescue(0)).toMatchObject({ messages: 3 });
  expect((await inspector.totals()).lagMs).toBeGreaterThan(300);
  await readAll('b');
  expect((await inspector.read()).lagMs).toBeGreaterThan(300);
});

test('a rescue takes 20 packs, then the next ones', async () => {
  const { relayPacks, readAll, consumerStore, raw, keys } = await group();
  await relayPacks(25);
  await readAll();
  expect(await consumerStore.rescue(60_000)).toEqual({ messages: 0, lost: 0, more: false });
  expect(await consumerStore.rescue(0)).toEqual({ messages: 60, lost: 0, more: true });
  await relayPacks(2);
  await raw.xack(
    keys.packs,
    GROUP,
    ...(await raw.xrange(keys.packs, '-', '+', 'COUNT', 2)).map(([id]) => id),
  );
  expect(await consumerStore.rescue(0)).toEqual({ messages: 15, lost: 0, more: false });
  expect(await raw.hget(keys.counters, 'strays')).toBe('6');
  const { entries } = await readAll('b');
  expect(entries.filter(({ attempts }) => attempts === 1)).toHaveLength(69);
  expect(entries.filter(({ attempts }) => attempts === 0)).toHaveLength(6);
});

test('an outcome is recorded once: kept if it was handed back before, gone if after', async () => {
  const { relayPacks, readAll, consumerStore } = await group();
  const [id] = (await relayPacks(1, 2)) as [string];
  await readAll();
  const outcome = { kind: 'failed', reason: 'timeout', error: 'é\ud800' } as const;
  const left = [1, 2].map((number) => ({ number, outcome }));
  await consumerStore.settlePacks([{ id, consumerId: 'a', texts: [], left }], 0);
  const { entries } = await readAll();
  const [one, two] = entries.map((entry) => entry.id) as [string, string];
  expect(entries).toMatchObject([1, 2].map((k) => ({ identity: identityIn(id, k), attempts: 0, outcome })));
  await consumerStore.leave(
    'a',
    new Map([
      [one, 0],
      [two, 1],
    ]),
    [],
  );
  const { entries: again } = await consumerStore.due('b', 10, 60_000);
  expect(again).toEqual([
    { ...entries[0], attempts: 0 },
    { ...entries[1], attempts: 1, outcome: undefined },
  ]);
});

test('a consumer leaves both streams, and a dead one is removed from both', async () => {
  const { relayPacks, readAll, consumerStore, raw, keys, other } = await group();
  const commitAll = (consumerId: string, entries: readonly Entry[]) =>
    consumerStore.commit(
      entries.map(({ id, identity = id }) => {
        return { entryId: id, inboxId: identity, consumerId, messageId: 'm', data: '{}' };
      }),
      0,
    );
  await relayPacks(1, 1);
  await commitAll('a', (await readAll()).entries);
  const [one, two] = (await relayPacks(40)) as [string, string];
  await readAll();
  const names = async (key: string) =>
    ((await raw.xinfo('CONSUMERS', key, GROUP)) as string[][]).map(([, name]) => name);
  const page = { group: GROUP, silence: 0, from: '-', count: 100, live: ['b'], packs: true };
  const found = await other.run(orphans, { inbox: keys.packs, retry: keys.retry }, page);
  expect(found.found).toMatchObject([{ id: 'a', pending: 120 }]);
  expect(await consumerStore.sweep([], 0)).toEqual([]);
  const outcome = { kind: 'given-up', error: 'no use' } as const;
  const packs = [one, two].map((id) => ({ id, left: [{ number: 2, outcome }] }));
  expect(await consumerStore.leave('a', new Map(), packs)).toBe(120);
  expect([await names(keys.inbox), await names(keys.packs)]).toEqual([[], []]);
  const { entries } = await readAll('b');
  expect(entries.filter((entry) => entry.outcome).map(({ identity }) => identity)).toEqual([
    identityIn(one, 2),
    identityIn(two, 2),
  ]);
  expect(await consumerStore.sweep([], 0)).toEqual([]);
  await commitAll('b', entries);
  expect(await consumerStore.sweep([], 0)).toEqual(['b']);
  expect([await names(keys.inbox), await names(keys.packs)]).toEqual([[], []]);
});

test('without keys, or without a group, there is no dead consumer to remove', async () => {
  const { relayPacks, consumerStore, raw, keys } = await group();
  await relayPacks(1);
  await raw.xgroup('DESTROY', keys.inbox, GROUP);
  expect(await consumerStore.sweep([], 0)).toEqual([]);
  await raw.del(keys.inbox, keys.packs);
  expect(await consumerStore.sweep([], 0)).toEqual([]);
});

test('verify and the inspector see each message of packs, under its id', async () => {
  const { relayPacks, readAll, consumerStore, raw, keys, inspector, other } = await group();
  const [one, two] = (await relayPacks(3)) as [string, string];
  await readAll();
  await consumerStore.settlePacks([settlementOf(one, 3, 2), settlementOf(two)], 0);
  const inbox: string[] = [];
  for await (const { id, fields } of inspector.inbox()) inbox.push(`${id} ${fields.message}`);
  const third = (await raw.xrange(keys.packs, '-', '+'))[0]?.[0] as string;
  expect(inbox).toEqual([
    ...[1, 2, 3].map((k) => `${identityIn(third, k)} {"message_id":${6 + k}}`),
    `${identityIn(one, 2)} {"message_id":2}`,
  ]);
  expect(await verify(inspector)).toMatchObject({ ok: true, relayed: 9, processed: 5, backlog: 4 });
  await raw.xadd(keys.packs, `${LAST}-1000001`, 'pack', 'x');
  expect(await lateStreams(other, keys, 'stream')).toMatchObject([
    { key: keys.packs, hasGroup: true, before: third },
  ]);
});
