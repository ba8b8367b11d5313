import { describe, expect, test } from 'vitest';
import type { Entry } from '../../src/core/consumer-store.js';
import { type KeyedGroup, keyedGroup } from '../helpers/keyed-group.js';
import { withRedis } from '../helpers/redis.js';
import { GROUP } from '../helpers/stores.js';

const redis = withRedis();

const messages = (count: number, k: unknown) =>
  Array.from({ length: count }, (_, i) => ({ message_id: i, k }));

const commit = (group: KeyedGroup, { id, identity = id, key }: Entry) =>
  group.consumerStore.commit(
    [
      {
        entryId: id,
        inboxId: identity,
        key,
        consumerId: 'a',
        messageId: 'm',
        data: '{}',
        startedAt: 1,
        finishedAt: 2,
      },
    ],
    0,
  );

/** Writes a message of a key as if it had gone out some time ago, and others that wait behind it. */
async function longAgo(group: KeyedGroup, key: string, ms: number, behind = 1) {
  const { raw, keys } = group;
  const id = `${Date.now() - ms}-${behind}`;
  await raw.xadd(keys.inbox, id, 'message', '{"message_id":0}', 'key', key);
  await raw.hset(keys.busy, key, behind > 0 ? id : `${id}.`);
  for (let n = 1; n <= behind; n++)
    await raw.zadd(keys.held, 0, `${key}\0${String(n).padStart(16, '0')}\0\0{"message_id":${n}}`);
  return id;
}

describe('the hottest keys', () => {
  test('are those behind which most messages wait, with the message in work and who has it', async () => {
    const group = await keyedGroup(redis.namespace());
    const { inspector } = group;
    expect(await inspector.keyTotals('key')).toEqual({ busy: 0, hottest: [], stuck: null });
    for (const [i, k] of ['a', 7, 'b', 'c'].entries()) await group.relay(messages(1 + 10 * i, k));
    const read = await group.readUnits('web-1', 2);
    const found = await inspector.keyTotals('key');
    expect(found.busy).toBe(4);
    expect(found.stuck).toBeNull();
    expect(
      found.hottest.map(({ key, held, consumerId, attempt }) => [key, held, consumerId, attempt]),
    ).toEqual([
      ['"c"', 30, null, 0],
      ['"b"', 20, null, 0],
      ['7', 10, 'web-1', 1],
    ]);
    expect(found.hottest[2]?.inboxId).toBe(read.entries[1]?.id);
    for (const { ageMs } of found.hottest) expect(ageMs).toBeLessThan(60_000);
    expect(await inspector.keyTotals('total')).toEqual({ busy: null, hottest: [], stuck: null });
  });

  test('are ten at most, and long ones are cut between two characters', async () => {
    const group = await keyedGroup(redis.namespace());
    const long = 'ü'.repeat(300);
    await group.relay([...messages(4, long), ...Array.from({ length: 12 }, (_, k) => messages(2, k)).flat()]);
    const { busy, hottest } = await group.inspector.keyTotals('key');
    expect(busy).toBe(13);
    expect(hottest).toHaveLength(10);
    expect(hottest[0]).toMatchObject({ key: `"${'ü'.repeat(99)}…`, held: 3 });
  });

  test('of a run have the id of its first message, and of a message that left one, its own', async () => {
    const group = await keyedGroup(redis.namespace(), { run: 3 });
    await group.relay(messages(6, 'a'));
    await commit(group, (await group.readUnits('a')).entries[0] as Entry);
    const [run] = (await group.readUnits('b')).packs;
    expect(run?.messages).toHaveLength(3);
    const first = `${run?.id.slice(0, -3)}001`;
    const [hot] = (await group.inspector.keyTotals('key')).hottest;
    expect(hot).toMatchObject({ key: '"a"', held: 2, inboxId: first, consumerId: 'b', attempt: 1 });
    // A failed message leaves its run, and keeps its id.
    const left = [{ number: 1, outcome: { attempts: 1 } }, { number: 2 }, { number: 3 }];
    const settled = { id: String(run?.id), key: run?.key, consumerId: 'b', texts: [], left };
    await group.consumerStore.settlePacks([settled as never], 0);
    const [waiting] = (await group.inspector.keyTotals('key')).hottest;
    expect(waiting).toMatchObject({ key: '"a"', held: 4, inboxId: first, consumerId: null });
  });

  test('may be halted, or wait for nothing for a moment', async () => {
    const group = await keyedGroup(redis.namespace());
    await group.relay([...messages(3, 'a'), ...messages(2, 'b')]);
    const place = (id: string) =>
      id
        .split('-')
        .map((n) => n.padStart(20, '0'))
        .join('-');
    const id = `${Date.now() - 5_000}-7`;
    await group.raw.hset(group.keys.busy, '"a"', `!${place(id)}`);
    await group.raw.hdel(group.keys.busy, '"b"');
    const { hottest, stuck } = await group.inspector.keyTotals('key');
    expect(hottest).toEqual([
      {
        key: '"a"',
        held: 2,
        inboxId: id,
        consumerId: null,
        attempt: 0,
        ageMs: expect.any(Number),
        halted: true,
      },
      { key: '"b"', held: 1, inboxId: '', consumerId: null, attempt: 0, ageMs: 0, halted: false },
    ]);
    expect(hottest[0]?.ageMs).toBeGreaterThanOrEqual(5_000);
    expect(stuck).toBeNull();
  });

  test('cost Redis little, whatever waits', async () => {
    const group = await keyedGroup(redis.namespace());
    await group.relay(
      Array.from({ length: 20_000 }, (_, i) => ({ message_id: i, k: i % 4_000, x: 'x'.repeat(200) })),
    );
    await group.readUnits('a', 4_000);
    await group.raw.config('RESETSTAT');
    await group.inspector.keyTotals('key');
    const calls = String(await group.raw.info('commandstats'))
      .split('\n')
      .flatMap((line) => line.match(/cmdstat_z.*calls=(\d+)/)?.[1] ?? []);
    expect(calls.map(Number).reduce((sum, n) => sum + n, 0)).toBeLessThan(250);
  });
});

describe('a stuck key', () => {
  test('is one whose message has been in work for 30 s while others wait behind it', async () => {
    const group = await keyedGroup(redis.namespace());
    await longAgo(group, '"slow"', 50_000, 2);
    await longAgo(group, '"alone"', 49_000, 0);
    await longAgo(group, '"later"', 40_000, 1);
    // It is not in work yet.
    expect((await group.inspector.keyTotals('key')).stuck).toBeNull();
    const { entries } = await group.readUnits('a');
    const { stuck } = await group.inspector.keyTotals('key');
    expect(stuck).toMatchObject({
      key: '"slow"',
      held: 2,
      inboxId: entries[0]?.id,
      consumerId: 'a',
      attempt: 1,
    });
    expect(stuck?.ageMs).toBeGreaterThanOrEqual(50_000);
    await commit(group, entries[0] as Entry);
    expect((await group.inspector.keyTotals('key')).stuck).toMatchObject({ key: '"later"' });
  });

  test('is none while the group is behind: all entries are old then', async () => {
    const group = await keyedGroup(redis.namespace());
    for (let i = 0; i < 5; i++) await longAgo(group, `"k${i}"`, 60_000 - 1_000 * i);
    await group.readUnits('a', 1);
    expect((await group.inspector.keyTotals('key')).stuck).toBeNull();
    // It has read on to a message that came 40 s later.
    await longAgo(group, '"young"', 15_000, 0);
    await longAgo(group, '"younger"', 14_000, 0);
    await group.readUnits('b', 5);
    expect((await group.inspector.keyTotals('key')).stuck).toMatchObject({ key: '"k0"', consumerId: 'a' });
  });

  test('is found among the hottest, though many older messages of other keys are in work', async () => {
    const group = await keyedGroup(redis.namespace());
    for (let i = 0; i < 150; i++) await longAgo(group, `"k${i}"`, 90_000 - i, 0);
    await longAgo(group, '"hot"', 40_000, 5);
    await group.readUnits('a');
    expect((await group.inspector.keyTotals('key')).stuck).toMatchObject({ key: '"hot"', held: 5 });
  });

  test('may be a run', async () => {
    const group = await keyedGroup(redis.namespace(), { run: 3 });
    await group.relay(messages(6, 'a'));
    await commit(group, (await group.readUnits('a')).entries[0] as Entry);
    const { raw, keys } = group;
    const [[, fields]] = (await raw.xrange(keys.packs, '-', '+')) as [[string, string[]]];
    const ms = Date.now() - 45_000;
    await raw.del(keys.packs);
    await raw.xadd(keys.packs, `${ms}-1000003`, ...fields);
    await raw.xgroup('CREATE', keys.packs, GROUP, '0');
    await raw.hset(keys.busy, '"a"', `${ms}-1000003`);
    await group.readUnits('b');
    const { stuck } = await group.inspector.keyTotals('key');
    expect(stuck).toMatchObject({ key: '"a"', held: 2, inboxId: `${ms}-1000001`, consumerId: 'b' });
  });
});

test('the lag is the age of a message that left a run, not of its entry', async () => {
  const group = await keyedGroup(redis.namespace());
  const { raw, keys } = group;
  const own = `${Date.now() - 20_000}-1000001`;
  await raw.xadd(keys.inbox, '*', 'message', '{}', 'key', '"a"', 'id', own, 'attempts', '1');
  expect((await group.inspector.totals()).lagMs).toBeGreaterThanOrEqual(20_000);
});
