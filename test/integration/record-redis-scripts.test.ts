import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { timeOfId } from '../../src/core/stream-id.js';
import { hashedGroup } from '../helpers/hashed-group.js';
import { withRedis } from '../helpers/redis.js';

const redis = withRedis();
const LAST = '18446744073709551615-18446744073709551615';
const ORDERS = ['none', 'total', 'key'] as const;
const SINKS = ORDERS.flatMap((order) => [false, true].map((list) => ({ order, list })));

/** Ids that are odd as parts of a key, of JSON, or of a script's argument. */
const ODD = [
  '',
  ' ',
  '}:x{a}',
  '{',
  'a b\n\r\tc',
  'nul\0nul',
  '"quoted" \\ back',
  'ü𝄞\u2028',
  '*?[a]',
  ':',
  'x'.repeat(10_000),
  '</script>',
  '7',
];

describe.each(SINKS)('with order $order (list: $list)', (sink) => {
  test('each result has a hash that says the same as the output', async () => {
    const { take, commit, hash, hashed, raw, keys, fields } = await hashedGroup(redis.namespace(), sink);
    const entries = await take(...ODD);
    expect(await commit(entries)).toEqual([]);
    const outputs: Record<string, unknown>[] = sink.list
      ? (await raw.lrange(keys.output, 0, -1)).map((line) => JSON.parse(line))
      : await fields(keys.output);
    expect(outputs).toHaveLength(ODD.length);
    for (const [i, id] of ODD.entries()) {
      const { message_id, data, ...rest } = outputs[i] as Record<string, unknown>;
      expect(message_id).toBe(id);
      const text = sink.list ? JSON.stringify(data) : data;
      const said = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, String(value)]));
      expect(await hash(id)).toEqual({ state: 'processed', attempts: '2', data: text, ...said });
    }
    expect(await hashed()).toEqual([...ODD].sort());
    expect(await raw.xlen(keys.inbox)).toBe(0);
  });

  test('a result of an entry that was settled before changes no hash', async () => {
    const { take, commit, hash, hashed, bury } = await hashedGroup(redis.namespace(), sink);
    const [one, two, three] = await take('a', 'b', 'c');
    if (!one || !two || !three) throw new Error('not read');
    await commit([one]);
    await bury([two]);
    const before = [await hash('a'), await hash('b')];
    const late = { consumerId: 'late', data: '"late"' };
    expect(await commit([one], late)).toEqual([one.id]);
    expect((await commit([one, two, three], late)).sort()).toEqual([one.id, two.id]);
    expect((await bury([one, two], { consumerId: 'late' })).late).toEqual([one.id, two.id]);
    expect([await hash('a'), await hash('b')]).toEqual(before);
    expect(await hash('c')).toMatchObject({ state: 'processed', consumer_id: 'late' });
    expect(await hashed()).toEqual(['a', 'b', 'c']);
  });

  test.each(['string', 'list', 'stream'])(
    'a result whose key holds a %s becomes a dead letter, and the rest of its batch is written',
    async (type) => {
      const group = await hashedGroup(redis.namespace(), sink);
      const { take, commit, hashes, raw, keys, fields, buried, hash, out } = group;
      const entries = await take('x1', 'a', 'b', 'x2', 'x3');
      for (const id of ['x1', 'x2', 'x3']) {
        if (type === 'string') await raw.set(`${hashes}${id}`, 'of another program');
        if (type === 'list') await raw.rpush(`${hashes}${id}`, 'of another program');
        if (type === 'stream') await raw.xadd(`${hashes}${id}`, '*', 'of', 'another program');
      }
      expect(await commit(entries)).toEqual([]);
      expect(await out()).toEqual([entries[1]?.id, entries[2]?.id]);
      expect(await hash('a')).toMatchObject({ state: 'processed' });
      const letters = await fields(keys.dead);
      expect(letters.map(({ inbox_id }) => inbox_id)).toEqual([0, 3, 4].map((i) => entries[i]?.id));
      expect(letters[0]).toMatchObject({
        ...{ message: entries[0]?.message, reason: 'failed', attempts: '2', consumer_id: 'a' },
        error: `the key ${hashes}x1 holds a ${type}, not a hash: the result cannot be recorded; rename or delete that key, then cgroup dead retry`,
      });
      expect(letters[0]).not.toHaveProperty('message_id');
      expect(buried.map(({ inboxId }) => inboxId)).toEqual(letters.map(({ inbox_id }) => inbox_id));
      expect(await raw.type(`${hashes}x1`)).toBe(type);
      expect(await raw.hgetall(keys.counters)).toMatchObject({ processed: '2', dead: '3', failed: '3' });
      expect([await raw.xlen(keys.inbox), await raw.zcard(keys.parked)]).toEqual([0, 0]);
      // All of a batch; and what was settled meanwhile.
      expect(await commit([entries[0], entries[3]].filter((entry) => entry !== undefined))).toEqual([]);
      expect(await raw.xlen(keys.dead)).toBe(3);
    },
  );

  test('a message that comes again replaces the hash, whatever became of the first', async () => {
    const { take, commit, bury, hash } = await hashedGroup(redis.namespace(), sink);
    const [first, second, third] = await take('a', 'a', 'a');
    if (!first || !second || !third) throw new Error('not read');
    await commit([first, second]);
    const processed = await hash('a');
    expect(processed).toMatchObject({ state: 'processed', inbox_id: second.id });
    await bury([third], { reason: 'timeout', error: 'too slow' });
    expect(await hash('a')).toEqual({
      ...{ state: 'dead', inbox_id: third.id, consumer_id: 'a', attempts: '5' },
      ...{ published_at: String(timeOfId(third.id)), started_at: '5', finished_at: '7' },
      ...{ reason: 'timeout', error: 'too slow' },
    });
    const [fourth] = await take('a');
    if (!fourth) throw new Error('not read');
    await commit([fourth]);
    expect(await hash('a')).toEqual({
      ...processed,
      inbox_id: fourth.id,
      published_at: String(timeOfId(fourth.id)),
    });
  });
});

describe('dead letters', () => {
  test('have hashes under odd ids, too; a message without an id has none', async () => {
    const { relay, read, take, bury, hash, hashed, fields, keys } = await hashedGroup(redis.namespace());
    const entries = await take(...ODD);
    await bury(entries);
    for (const [i, id] of ODD.entries())
      expect(await hash(id)).toMatchObject({ state: 'dead', inbox_id: entries[i]?.id, error: 'broken' });
    await relay('no json', '{"a":1}');
    await bury(await read('a'), { reason: 'invalid-json', attempts: 0, failed: false });
    expect(await hashed()).toEqual([...ODD].sort());
    // What a list of dead letters reads does not hold the whole id.
    const letters = await fields(keys.dead);
    expect(letters.map(({ message_id }) => message_id)).toEqual([...ODD, undefined, undefined]);
    expect((await fields(keys.previews)).some((preview) => 'message_id' in preview)).toBe(false);
  });

  test('are written without a hash if another program holds the key', async () => {
    const { take, bury, hashes, raw, fields, keys } = await hashedGroup(redis.namespace());
    const entries = await take('x', 'a');
    await raw.set(`${hashes}x`, 'foreign');
    await bury(entries);
    expect(await raw.get(`${hashes}x`)).toBe('foreign');
    expect((await fields(keys.dead)).map(({ message_id }) => message_id)).toEqual([undefined, 'a']);
    expect(await raw.xlen(keys.inbox)).toBe(0);
  });

  test('that are sent back are waiting, until they are settled again', async () => {
    const { take, commit, bury, hash, inspector, fields, keys, read } = await hashedGroup(redis.namespace());
    await bury(await take('a', 'b'));
    const died = await hash('a');
    expect(await inspector.revive(['0-1'])).toEqual([]);
    // The newest comes first.
    const letters = (await inspector.deadLettersBefore(undefined, 10, 100)).reverse();
    await inspector.revive(letters.map(({ id }) => id));
    const entries = await read('a');
    expect(await hash('a')).toEqual({ ...died, state: 'waiting', inbox_id: entries[0]?.id });
    expect(await hash('b')).toMatchObject({ state: 'waiting', inbox_id: entries[1]?.id });
    await commit(entries.slice(0, 1));
    expect(await hash('a')).toMatchObject({ state: 'processed', inbox_id: entries[0]?.id });
    expect(await hash('a')).not.toHaveProperty('error');
    await bury(entries.slice(1), { error: 'again' });
    expect(await hash('b')).toMatchObject({ state: 'dead', inbox_id: entries[1]?.id, error: 'again' });
    expect(await fields(keys.dead)).toHaveLength(1);
  });

  test('that are sent back leave the hash of a later message with their id, and a foreign key', async () => {
    const { take, commit, bury, hash, inspector, raw, hashes } = await hashedGroup(redis.namespace());
    const [one, two, three] = await take('a', 'a', 'x');
    if (!one || !two || !three) throw new Error('not read');
    await bury([one, three]);
    await commit([two]);
    const later = await hash('a');
    await raw.del(`${hashes}x`);
    await raw.set(`${hashes}x`, 'foreign');
    const letters = await inspector.deadLettersBefore(undefined, 10, 100);
    expect(await inspector.revive(letters.map(({ id }) => id))).toHaveLength(2);
    expect(await hash('a')).toEqual(later);
    expect(await raw.get(`${hashes}x`)).toBe('foreign');
  });

  test('that stop an order keep their inbox id when they are sent back', async () => {
    const group = await hashedGroup(redis.namespace(), { order: 'total', halt: true });
    const { take, commit, bury, hash, inspector, read, out } = group;
    const [one, two] = await take('a', 'b');
    if (!one || !two) throw new Error('not read');
    await bury([one]);
    await commit([two]);
    expect(await out()).toEqual([]);
    // The hash is written when the result is parked.
    expect(await hash('b')).toMatchObject({ state: 'processed', inbox_id: two.id });
    const letters = await inspector.deadLettersBefore(undefined, 10, 100);
    await inspector.revive(letters.map(({ id }) => id));
    expect(await hash('a')).toMatchObject({ state: 'waiting', inbox_id: one.id });
    const [again] = await read('a');
    expect(again).toMatchObject({ identity: one.id });
    await commit(again ? [again] : []);
    expect(await hash('a')).toMatchObject({ state: 'processed', inbox_id: one.id });
    expect(await out()).toEqual([one.id, two.id]);
  });

  test('of results whose key is foreign stop an order, too', async () => {
    const { take, commit, hashes, raw, out, halted, keys } = await hashedGroup(redis.namespace(), {
      order: 'total',
      halt: true,
    });
    const entries = await take('a', 'x', 'b');
    await raw.set(`${hashes}x`, 'foreign');
    await commit(entries);
    expect(await out()).toEqual([entries[0]?.id]);
    expect(halted).toEqual([{ deadId: expect.any(String), inboxId: entries[1]?.id, key: undefined }]);
    expect(await raw.zcard(keys.parked)).toBe(1);
  });

  test('that are purged or skipped leave the hash as it is', async () => {
    const group = await hashedGroup(redis.namespace(), { order: 'total', halt: true });
    const { take, bury, hash, inspector } = group;
    await bury(await take('a'));
    const died = await hash('a');
    await inspector.halts.skip(() => true);
    expect(await hash('a')).toEqual(died);
    await inspector.purge((await inspector.read()).lastDead);
    expect(await hash('a')).toEqual(died);
  });
});

describe('without a right', () => {
  const rights = [
    ...['xadd', 'xack', 'xdel', 'xrange', 'xpending', 'xtrim', 'hincrby', 'hget', 'hset', 'hdel', 'type'],
    ...['zadd', 'zcard', 'zrem', 'zrangebylex', 'zlexcount', 'rpush', 'time', '@write', '@read'],
  ];
  const user = async () => {
    const admin = new Redis(redis.url);
    onTestFinished(() => admin.disconnect());
    const name = `u${Math.random().toString(36).slice(2)}`;
    await admin.call('ACL', 'SETUSER', name, 'on', '>pass', '~*', '&*', '+@all');
    const change = (...rules: string[]) => admin.call('ACL', 'SETUSER', name, ...rules);
    return { change, as: redis.url.replace('//', `//${name}:pass@`) };
  };

  test.each(SINKS.flatMap((sink) => rights.map((right) => ({ ...sink, right }))))(
    'to $right nothing is lost or doubled (order $order, list: $list)',
    async ({ right, ...sink }) => {
      const { change, as } = await user();
      const group = await hashedGroup(redis.namespace(), { ...sink, as });
      const { take, commit, bury, ordered, hash, hashed, out, raw, keys } = group;
      const entries = await take('a', 'b', 'c', 'd', 'e', 'f', 'dead1', 'dead2');
      const [processed, dead] = [entries.slice(0, 6), entries.slice(6)];
      await commit(processed.slice(2, 3));
      await change(`-${right}`);
      await commit(processed).catch(() => {});
      await bury(dead).catch(() => {});
      await ordered.letOut().catch(() => {});
      // A hash says that a message is settled: then it is not in the inbox.
      const unsettled = (await raw.xrange(keys.inbox, '-', '+')).map(([id]) => id);
      for (const id of await hashed()) expect(unsettled).not.toContain((await hash(id)).inbox_id);
      await change('+@all');
      await commit(processed);
      await bury(dead);
      await ordered.letOut();
      expect([...(await out())].sort()).toEqual(processed.map(({ id }) => id));
      expect(await hashed()).toEqual(['a', 'b', 'c', 'd', 'dead1', 'dead2', 'e', 'f']);
      for (const id of ['a', 'f']) expect(await hash(id)).toMatchObject({ state: 'processed' });
      expect(await hash('dead2')).toMatchObject({ state: 'dead', inbox_id: dead[1]?.id });
      expect(await raw.hgetall(keys.counters)).toMatchObject({ processed: '6', dead: '2' });
      expect([await raw.xlen(keys.inbox), await raw.zcard(keys.parked)]).toEqual([0, 0]);
    },
  );

  test.each(ORDERS)(
    'to the keys of the hashes, or one of them, nothing is settled (order %s)',
    async (order) => {
      const { change, as } = await user();
      const space = redis.namespace();
      const { take, commit, bury, hashes, hashed, out, raw, keys } = await hashedGroup(space, { order, as });
      const entries = await take('a', 'b', 'c', 'd');
      const all = [space.output, `cgroup:{${space.output}}:*[^abcd]`, `cgroup:{${space.consumerList}}:*`];
      for (const more of [[], [`${hashes}[abd]`]]) {
        await change('resetkeys', ...[...all, ...more].map((pattern) => `~${pattern}`));
        await expect(commit(entries)).rejects.toThrow(/lacks a right/);
        await expect(bury(entries.slice(2))).rejects.toThrow(/lacks a right/);
        expect([await out(), await hashed(), await raw.xlen(keys.inbox)]).toEqual([[], [], 4]);
        expect(await raw.xlen(keys.dead)).toBe(0);
      }
      await change('allkeys');
      await commit(entries);
      expect([(await out()).length, (await hashed()).length]).toEqual([4, 4]);
    },
  );
});

test.each(ORDERS)(
  'an output whose ids are used up: only what is settled has a hash (order %s)',
  async (order) => {
    const { take, commit, hashed, raw, keys, out } = await hashedGroup(redis.namespace(), { order });
    const entries = await take('a', 'b', 'c');
    await raw.xadd(keys.output, LAST, 'foreign', 'entry');
    await expect(commit(entries)).rejects.toThrow(/last possible id/);
    expect([await hashed(), await raw.xlen(keys.inbox)]).toEqual([[], 3]);
    await raw.del(keys.output);
    // Two ids are left.
    await raw.xadd(keys.output, '18446744073709551615-18446744073709551613', 'foreign', 'entry');
    await commit(entries).catch(() => {});
    const unsettled = (await raw.xrange(keys.inbox, '-', '+')).length;
    expect(await hashed()).toHaveLength(3 - unsettled);
    await raw.del(keys.output);
    await commit(entries);
    expect(await hashed()).toEqual(['a', 'b', 'c']);
    expect((await out()).length).toBeGreaterThan(0);
  },
);

test.each(SINKS)('data of 10 MB is in output and hash (order $order, list: $list)', async (sink) => {
  const { take, commit, raw, hashes, keys } = await hashedGroup(redis.namespace(), sink);
  const data = JSON.stringify('ü'.repeat(5_000_000));
  const entries = await take('a', 'b');
  await commit(entries, { data });
  for (const id of ['a', 'b']) expect(await raw.hget(`${hashes}${id}`, 'data')).toBe(data);
  expect(sink.list ? await raw.llen(keys.output) : await raw.xlen(keys.output)).toBe(2);
});

test('a group without this record writes no hash', async () => {
  const { consumerStore: store, relay, read, keys, raw, hashed } = await hashedGroup(redis.namespace());
  await relay('{"message_id":"a"}', '{"message_id":"b"}');
  const [one, two] = await read('a');
  if (!one || !two) throw new Error('not read');
  const held = { entryId: one.id, inboxId: one.id, consumerId: 'a' };
  await store.commit([{ ...held, messageId: 'a', data: '{}' }], 0);
  const letter = { ...held, entryId: two.id, inboxId: two.id, message: two.message };
  await store.bury([{ ...letter, reason: 'failed', error: '', attempts: 1, failed: true }], 0);
  expect(await hashed()).toEqual([]);
  expect(await raw.xlen(keys.dead)).toBe(1);
});
