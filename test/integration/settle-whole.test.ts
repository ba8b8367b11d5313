import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { identityIn } from '../../src/core/pack.js';
import { freshRedis, namespaceOn, withRedis } from '../helpers/redis.js';
import { GROUP } from '../helpers/stores.js';
import { holdingPacks, wholeOf } from '../helpers/whole-packs.js';

const redis = withRedis();
const holding = (count?: number, size?: number) => holdingPacks(redis.namespace(), count, size);
const LAST = '18446744073709551615';

const TEXTS = ['{}', '', 'é', '中文 text', '👍\r\n$3\r\n', '\0', '"'.repeat(300), '*12\r\n', 'a\ud800b'];

test('a transaction leaves all as the script does', async () => {
  const dataOf = (k: number) => TEXTS[k % TEXTS.length] as string;
  const groups = [await holding(3, 30), await holding(3, 30)] as const;
  const [one, two] = groups;
  const packsOf = ({ ids }: { ids: string[] }) =>
    ids.map((id, i) => wholeOf(id, i === 1 ? 'b é' : 'a', dataOf));
  expect(await one.settle(packsOf(one))).toEqual([]);
  expect(one.byScript).toEqual([]);
  expect(await two.consumerStore.settlePacks(packsOf(two), 0)).toEqual([]);

  const outputs = await Promise.all(groups.map(({ fields, keys }) => fields(keys.output)));
  const without = (all: Record<string, string>[] = []) => all.map(({ inbox_id: _, ...rest }) => rest);
  expect(without(outputs[0])).toEqual(without(outputs[1]));
  for (const [i, { ids, state }] of groups.entries()) {
    const identities = ids.flatMap((id) => Array.from({ length: 30 }, (_, k) => identityIn(id, k + 1)));
    expect(outputs[i]?.map(({ inbox_id }) => inbox_id)).toEqual(identities);
    expect(await state()).toEqual({
      open: [],
      packs: [],
      pending: 0,
      output: identities,
      processedBy: { a: '60', 'b é': '30' },
      counters: { processed: '90', packed: '0' },
      backlog: 0,
    });
  }
});

test('sent again it writes nothing, and the packs count as settled before', async () => {
  const { ids, settle, byScript, everything } = await holding();
  const packs = ids.map((id) => wholeOf(id));
  await settle(packs);
  const before = await everything();
  expect(await settle(packs)).toEqual(ids);
  expect(byScript).toEqual(ids);
  expect(await everything()).toEqual(before);
});

test('if one of the packs was settled before, the script settles the others', async () => {
  const { ids, settle, byScript, outputs, consumerStore, raw, keys } = await holding();
  const [one, two, ...rest] = ids as [string, string, ...string[]];
  await consumerStore.settlePacks([wholeOf(two, 'b')], 0);
  expect(await settle(ids.map((id) => wholeOf(id)))).toEqual([two]);
  expect(byScript).toEqual([one, two, ...rest]);
  expect(await outputs()).toEqual(Array(100).fill(1));
  expect(await raw.hgetall(keys.processed)).toEqual({ a: '75', b: '25' });
});

test('a pack that is in the batch twice has one result for each message', async () => {
  const { ids, settle, outputs } = await holding(1);
  const [id] = ids as [string];
  expect(await settle([wholeOf(id), wholeOf(id, 'b')])).toEqual([id]);
  expect(await outputs()).toEqual(Array(25).fill(1));
});

test('of two consumers the first to settle a pack wins, also if it no longer holds it', async () => {
  const { ids, settle, outputs, raw, keys } = await holding(1);
  const [id] = ids as [string];
  await raw.xclaim(keys.packs, GROUP, 'b', 0, id);
  expect(await Promise.all([settle([wholeOf(id, 'a')]), settle([wholeOf(id, 'b')])])).toEqual([[], [id]]);
  expect(await outputs()).toEqual(Array(25).fill(1));
  expect(await raw.hgetall(keys.processed)).toEqual({ a: '25' });
});

test('packs that went back to the inbox meanwhile are not settled', async () => {
  const { ids, settle, state, consumerStore } = await holding(2);
  await consumerStore.rescue(0);
  const before = await state();
  expect(await settle(ids.map((id) => wholeOf(id)))).toEqual(ids);
  expect(await state()).toEqual(before);
  expect(before).toMatchObject({ output: [], backlog: 50 });
});

test('packs with messages that are left, few messages, and large ones go to the script', async () => {
  const { ids, settle, byScript, outputs, relayPacks, readAll } = await holding(3);
  const [one, two, three] = ids as [string, string, string];
  const [small] = (await relayPacks(1, 9)) as [string];
  await readAll();
  const part = wholeOf(one);
  const texts = part.texts.slice(0, 48);
  await settle([
    { ...part, texts, left: [{ number: 25 }] },
    wholeOf(two, 'a', () => 'x'.repeat(10_100)),
    wholeOf(three),
  ]);
  await settle([wholeOf(small)]);
  expect(byScript).toEqual([one, two, small]);
  expect(await outputs([one, two, three, small])).toEqual([...Array(24).fill(1), 0, ...Array(59).fill(1)]);
});

test('the output is trimmed to about the given length, as by the script, and the trimmed are counted', async () => {
  const lengthAfter = async (how: 'transaction' | 'script', maxLength: number) => {
    const { ids, settle, consumerStore, raw, keys, byScript } = await holding(12);
    for (const some of [ids.slice(0, 4), ids.slice(4)]) {
      const packs = some.map((id) => wholeOf(id));
      if (how === 'transaction') await settle(packs, maxLength);
      else await consumerStore.settlePacks(packs, maxLength);
    }
    expect(byScript).toEqual([]);
    const length = await raw.xlen(keys.output);
    expect(length + Number((await raw.hget(keys.counters, 'trimmed')) ?? 0)).toBe(300);
    const last = (await raw.xrevrange(keys.output, '+', '-', 'COUNT', 1))[0]?.[1];
    expect(last?.[5]).toBe(identityIn(ids.at(-1) as string, 25));
    return length;
  };
  // Those that the transaction itself writes are not trimmed yet: here 199.
  for (const maxLength of [1, 40]) {
    expect(await lengthAfter('script', maxLength)).toBeLessThan(maxLength + 101);
    expect(await lengthAfter('transaction', maxLength)).toBe(199);
  }
  for (const maxLength of [200, 230, 299, 300, 1_000])
    expect(await lengthAfter('transaction', maxLength)).toBe(await lengthAfter('script', maxLength));
});

test.each(['packs', 'inbox', 'counters', 'output', 'processed'] as const)(
  'changes nothing if the key of the %s holds something foreign',
  async (name) => {
    const { ids, settle, raw, keys, everything } = await holding();
    await raw.set(keys[name], 'foreign');
    const before = await everything();
    await expect(settle(ids.map((id) => wholeOf(id)))).rejects.toMatchObject({ code: 'KEY_TYPE' });
    expect(await everything()).toEqual(before);
  },
);

test('a stream under the name that a transaction had changes nothing', async () => {
  const { ids, settle, byScript, outputs, raw, sent } = await holding();
  const [one, ...rest] = ids as [string, ...string[]];
  await settle([wholeOf(one)]);
  const name = /RENAMENX\r\n\$\d+\r\n(.*)\r\n/.exec(String(sent.at(-1)))?.[1] as string;
  await raw.xadd(name, '1-1', 'foreign', 'entry');
  expect(await settle(ids.map((id) => wholeOf(id)))).toEqual([one]);
  expect(byScript).toEqual(ids);
  await settle(rest.map((id) => wholeOf(id)));
  expect(await outputs()).toEqual(Array(100).fill(1));
  expect(await raw.xlen(name)).toBe(1);
});

test('a foreign value in a counter stops nothing', async () => {
  const { ids, settle, byScript, outputs, raw, keys } = await holding(2);
  await raw.hset(keys.counters, { processed: 'foreign', packed: 'foreign' });
  await raw.hset(keys.processed, 'a', 'foreign');
  expect(await settle(ids.map((id) => wholeOf(id)))).toEqual([]);
  expect(byScript).toEqual([]);
  expect(await outputs()).toEqual(Array(50).fill(1));
  expect(await raw.hget(keys.counters, 'processed')).toBe('foreign');
});

test('packs of a group that was destroyed, and made again, are settled once', async () => {
  const { ids, settle, outputs, consumerStore, readAll, raw, keys, byScript } = await holding(3);
  await raw.xgroup('DESTROY', keys.packs, GROUP);
  const [one, two, three] = ids.map((id) => wholeOf(id)) as [never, never, never];
  expect(await settle([one])).toEqual([]);
  await consumerStore.prepare();
  expect(await settle([two])).toEqual([]);
  await readAll('b');
  expect(await settle([three])).toEqual([]);
  expect(await outputs()).toEqual(Array(75).fill(1));
  expect(byScript).toEqual([]);
});

test('a Redis that does not know the script gets its text', async () => {
  const server = await freshRedis();
  const { ids, settle, byScript, outputs, raw } = await holdingPacks(namespaceOn(server.url));
  const [one, two, three, four] = ids.map((id) => wholeOf(id));
  for (const some of [[one, two], [three], [four]]) {
    await raw.script('FLUSH');
    await settle(some as never);
  }
  expect(byScript).toEqual([]);
  expect(await outputs()).toEqual(Array(100).fill(1));
});

test.each([
  ['1', `${LAST}-18446744073709551610`],
  ['no', `${LAST}-${LAST}`],
  ['100', `${LAST}-18446744073709551515`],
])('an output with %s ids left: nothing is lost', async (_, last) => {
  const { ids, settle, outputs, raw, keys, state } = await holding();
  await raw.xadd(keys.output, last, 'foreign', 'entry');
  const isSettled = await settle(ids.map((id) => wholeOf(id))).then(
    () => true,
    () => false,
  );
  const written = (await outputs()).reduce((a, b) => a + b, 0);
  const { packs, counters } = await state();
  expect(written + 25 * packs.length).toBe(100);
  expect(Number(counters.processed)).toBe(written);
  expect(isSettled).toBe(packs.length === 0);
});

test('an output whose next id begins a new millisecond goes on', async () => {
  const { ids, settle, outputs, byScript, raw, keys } = await holding();
  await raw.xadd(keys.output, `18446744073709551613-18446744073709551600`, 'foreign', 'entry');
  await settle(ids.map((id) => wholeOf(id)));
  expect(byScript).toEqual([]);
  expect(await outputs()).toEqual(Array(100).fill(1));
});

test('the output keeps its time to live', async () => {
  const { ids, settle, byScript, raw, keys } = await holding(2);
  const [one, two] = ids as [string, string];
  await settle([wholeOf(one)]);
  expect(await raw.ttl(keys.output)).toBe(-1);
  await raw.pexpire(keys.output, 1_000_000);
  await settle([wholeOf(two)]);
  expect(byScript).toEqual([]);
  expect(await raw.xlen(keys.output)).toBe(50);
  expect(await raw.pttl(keys.output)).toBeGreaterThan(900_000);
});

test('an output that expires meanwhile is there whole, or gone', async () => {
  const { settle, byScript, raw, keys, relayPacks, readAll, warnings } = await holding(1);
  await raw.call('DEBUG', 'SET-ACTIVE-EXPIRE', '0').catch(() => {});
  const lengths = new Set<number>();
  for (let i = 0; i < 60; i++) {
    await raw.del(keys.output);
    const ids = await relayPacks(2, 250);
    await readAll();
    await raw.xadd(keys.output, '1-1', 'before', '');
    await raw.pexpire(keys.output, 1 + (i % 6));
    await settle(ids.map((id) => wholeOf(id)));
    lengths.add(await raw.xlen(keys.output));
  }
  await raw.call('DEBUG', 'SET-ACTIVE-EXPIRE', '1').catch(() => {});
  expect([byScript, warnings]).toEqual([[], []]);
  // Expired before (500), not yet (501), after (0).
  for (const length of lengths) expect([0, 500, 501]).toContain(length);
  expect(lengths.size).toBeGreaterThan(1);
});

test('readers that wait for the output get all, and it keeps their groups', async () => {
  const { ids, settle, byScript, raw, keys } = await holding();
  await raw.xgroup('CREATE', keys.output, 'down', '$', 'MKSTREAM');
  const readers = Array.from({ length: 3 }, () => new Redis(redis.url));
  onTestFinished(() => {
    for (const reader of readers) reader.disconnect();
  });
  const [plain, member, other] = readers as [Redis, Redis, Redis];
  await Promise.all(readers.map((reader) => reader.ping()));
  const reads = [
    plain.xread('BLOCK', 5_000, 'STREAMS', keys.output, '$'),
    member.xreadgroup('GROUP', 'down', 'r', 'BLOCK', 5_000, 'STREAMS', keys.output, '>'),
    other.xreadgroup('GROUP', 'down', 's', 'COUNT', 7, 'BLOCK', 1_000, 'STREAMS', keys.output, '>'),
  ];
  await new Promise((resolve) => setTimeout(resolve, 200));
  await settle(ids.map((id) => wholeOf(id)));
  expect(byScript).toEqual([]);
  const [all, some, others] = (await Promise.all(reads)) as [[string, unknown[]][], unknown, unknown];
  expect(all[0]?.[1]).toHaveLength(100);
  const lengthOf = (reply: unknown) => ((reply as [string, unknown[]][] | null)?.[0]?.[1] ?? []).length;
  // One of the two members may have read all before the other.
  expect(lengthOf(some) + lengthOf(others)).toBe(100);
  const groups = (await raw.xinfo('GROUPS', keys.output)) as unknown[][];
  expect(groups.map(([, name]) => name)).toEqual(['down']);
});
