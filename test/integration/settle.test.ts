import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { DeadLetter, Result } from '../../src/core/consumer-store.js';
import { silentLogger } from '../../src/log/logger.js';
import { RedisConsumerStore } from '../../src/redis/consumer-store.js';
import type { Keys } from '../../src/redis/keys.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { withRedis } from '../helpers/redis.js';
import { GROUP, openStores } from '../helpers/stores.js';

const redis = withRedis();
const open = () => openStores(redis.namespace());
const MINUTE = 60_000;

const resultOf = (inboxId: string, consumerId = 'a'): Result => ({
  entryId: inboxId,
  inboxId,
  consumerId,
  messageId: `m-${inboxId}`,
  data: `{"by":"${consumerId}"}`,
});

const deadLetterOf = (inboxId: string, consumerId = 'a'): DeadLetter => ({
  entryId: inboxId,
  inboxId,
  consumerId,
  message: Buffer.from([0x7b, 0xff]),
  reason: 'failed',
  error: 'it broke',
  attempts: 5,
  failed: true,
});

/** Stores, and `count` entries that consumer `a` holds. */
async function holding(count: number) {
  const stores = await open();
  const ids = await stores.relay(...Array.from({ length: count }, (_, i) => `{"message_id":${i}}`));
  await stores.read('a');
  return { ...stores, ids };
}

describe('commit', () => {
  test('writes one output entry each, in order, and leaves nothing behind', async () => {
    const { ids, consumerStore, fields, keys, inspector, pending } = await holding(2_500);
    expect(
      await consumerStore.commit(
        ids.map((id) => resultOf(id)),
        0,
      ),
    ).toEqual([]);
    const outputs = await fields(keys.output);
    expect(outputs[0]).toEqual({
      message_id: `m-${ids[0]}`,
      consumer_id: 'a',
      inbox_id: ids[0],
      data: '{"by":"a"}',
    });
    expect(outputs.map(({ inbox_id }) => inbox_id)).toEqual(ids);
    expect(await pending()).toEqual([]);
    const reading = await inspector.read();
    expect(reading).toMatchObject({ backlog: 0, counters: { processed: 2_500 } });
    expect(reading.processedBy).toEqual(new Map([['a', 2_500]]));
  });

  test('names the consumer of each result, in runs of any length, and if a part was committed before', async () => {
    const { ids, consumerStore, fields, keys, inspector } = await holding(6);
    const results = ids.map((id, i) => resultOf(id, 'abaaba'[i]));
    // All of one run, and a part of another.
    await consumerStore.commit([results[1], results[3]] as Result[], 0);
    expect(await consumerStore.commit(results, 0)).toEqual([ids[1], ids[3]]);
    const outputs = await fields(keys.output);
    const written = [1, 3, 0, 2, 4, 5].map((i) => results[i]);
    expect(outputs.map(({ inbox_id, consumer_id }) => [inbox_id, consumer_id])).toEqual(
      written.map((result) => [result?.inboxId, result?.consumerId]),
    );
    const { processedBy } = await inspector.read();
    expect(processedBy).toEqual(
      new Map([
        ['a', 4],
        ['b', 2],
      ]),
    );
  });

  test('takes more bytes than Redis takes in one argument, and so does a relay', async () => {
    const { raw, keys, relay, read, consumerStore } = await open();
    await raw.config('SET', 'proto-max-bulk-len', 1_048_576);
    onTestFinished(() => raw.config('SET', 'proto-max-bulk-len', 536_870_912).then(() => {}));
    const ids = await relay(...Array.from({ length: 6 }, (_, i) => String(i).repeat(300_000)));
    expect((await read('a')).map(({ message }) => message.length)).toEqual(Array(6).fill(300_000));
    const data = JSON.stringify('é'.repeat(150_000));
    const results = ids.map((id) => ({ ...resultOf(id), data }));
    expect(await consumerStore.commit(results, 0)).toEqual([]);
    expect((await raw.xrange(keys.output, '-', '+')).map(([, flat]) => flat[7] === data)).toEqual(
      Array(6).fill(true),
    );
  });

  test('sent again it writes nothing, and replies the ids that were settled', async () => {
    const { ids, consumerStore, everything } = await holding(3);
    const results = ids.map((id) => resultOf(id));
    await consumerStore.commit(results, 0);
    const before = await everything();
    expect(await consumerStore.commit(results, 0)).toEqual(ids);
    expect(await everything()).toEqual(before);
  });

  test('writes the unsettled part of a batch', async () => {
    const { ids, consumerStore, fields, keys, inspector } = await holding(4);
    const [one, two, three, four] = ids as [string, string, string, string];
    await consumerStore.commit([resultOf(two)], 0);
    await consumerStore.bury([deadLetterOf(three)], 0);
    expect(
      await consumerStore.commit(
        ids.map((id) => resultOf(id)),
        0,
      ),
    ).toEqual([two, three]);
    expect((await fields(keys.output)).map(({ inbox_id }) => inbox_id)).toEqual([two, one, four]);
    expect((await inspector.read()).counters).toMatchObject({ processed: 3, dead: 1 });
  });

  test('removes only the batch, and no entry before it, in between or after it', async () => {
    const { ids, consumerStore, raw, keys } = await holding(9);
    // Another client acknowledges one and leaves it in the inbox.
    await raw.xack(keys.inbox, 'cgroup', ids[1] as string);
    const settled = [0, 2, 3, 6, 8].map((i) => ids[i] as string);
    const inInbox = async () => (await raw.xrange(keys.inbox, '-', '+')).map(([id]) => id);
    expect(
      await consumerStore.commit(
        settled.map((id) => resultOf(id)),
        0,
      ),
    ).toEqual([]);
    expect(await inInbox()).toEqual(ids.filter((id) => !settled.includes(id)));
  });

  test('trims the front of the inbox, and removes the rest of the batch one by one', async () => {
    const { ids, consumerStore, raw, keys, relay } = await holding(300);
    const [next] = await relay('not read yet');
    const settled = ids.filter((_, i) => i < 150 || i % 3 === 0);
    await consumerStore.commit(
      settled.map((id) => resultOf(id)),
      0,
    );
    const left = (await raw.xrange(keys.inbox, '-', '+')).map(([id]) => id);
    expect(left).toEqual([...ids.filter((id) => !settled.includes(id)), next]);
  });

  test('of the same entry by two consumers makes one output: the first wins, even if it no longer holds the entry', async () => {
    const { ids, consumerStore, fields, keys, inspector, pending } = await holding(1);
    const id = ids[0] as string;
    await consumerStore.reclaim({ consumerId: 'b', silence: 0, count: 10, everyone: true });
    expect((await pending())[0]).toMatchObject({ id, consumer: 'b' });
    const late = await Promise.all([
      consumerStore.commit([resultOf(id, 'a')], 0),
      consumerStore.commit([resultOf(id, 'b')], 0),
    ]);
    expect(late).toEqual([[], [id]]);
    expect(await fields(keys.output)).toMatchObject([{ consumer_id: 'a', inbox_id: id }]);
    expect((await inspector.read()).processedBy).toEqual(new Map([['a', 1]]));
    expect(await pending()).toEqual([]);
  });

  test('of the same entry twice in one batch makes one output', async () => {
    const { ids, consumerStore, fields, keys } = await holding(1);
    const id = ids[0] as string;
    expect(await consumerStore.commit([resultOf(id), resultOf(id)], 0)).toEqual([id]);
    expect(await fields(keys.output)).toHaveLength(1);
  });

  test('touches no other entry: neither held by others nor unread', async () => {
    const { consumerStore, relay, read, pending, inspector } = await open();
    const ids = await relay('1', '2', '3', '4');
    await read('a', 1);
    await read('b', 1);
    await read('a', 1);
    await consumerStore.commit([resultOf(ids[0] as string), resultOf(ids[2] as string)], 0);
    expect(await pending()).toEqual([{ id: ids[1], consumer: 'b', deliveries: 1 }]);
    expect(await inspector.read()).toMatchObject({ backlog: 2, waiting: 1, pending: 1 });
    expect((await read('a')).map(({ id }) => id)).toEqual([ids[3]]);
  });

  test('removes the entry from the retries and from what was handed back', async () => {
    const { ids, consumerStore, raw, keys, inspector } = await holding(2);
    const [one, two] = ids as [string, string];
    await consumerStore.retry([{ entryId: one, inboxId: one, consumerId: 'a', wait: 0 }]);
    await consumerStore.leave('a', new Map([[two, 0]]), []);
    expect(await consumerStore.commit([resultOf(one), resultOf(two)], 0)).toEqual([]);
    expect(await inspector.read()).toMatchObject({ backlog: 0, retrying: 0 });
    expect(await raw.exists(keys.retry)).toBe(0);
  });

  test('trims the output to about the given length, and counts the trimmed', async () => {
    const { ids, consumerStore, inspector } = await holding(1_000);
    await consumerStore.commit(
      ids.map((id) => resultOf(id)),
      100,
    );
    const { outputLength, counters } = await inspector.read();
    expect(outputLength).toBeGreaterThanOrEqual(100);
    expect(outputLength).toBeLessThan(300);
    expect(counters).toMatchObject({ processed: 1_000, trimmed: 1_000 - outputLength });
  });

  test.each(['inbox', 'output', 'counters', 'processed', 'retry'] as const)(
    'changes nothing if the key of the %s holds something foreign',
    async (name) => {
      const { ids, consumerStore, raw, keys, everything } = await holding(2);
      await raw.set(keys[name], 'foreign');
      const before = await everything();
      await expect(
        consumerStore.commit(
          ids.map((id) => resultOf(id)),
          1,
        ),
      ).rejects.toMatchObject({ code: 'KEY_TYPE' });
      expect(await everything()).toEqual(before);
    },
  );

  test('of a group that was destroyed and made again: one result, whichever consumer commits', async () => {
    const { ids, consumerStore, raw, keys, read, fields } = await holding(2);
    const [one, two] = ids as [string, string];
    await raw.xgroup('DESTROY', keys.inbox, 'cgroup');
    expect(await consumerStore.prepare()).toBe(true);
    expect(await consumerStore.prepare()).toBe(false);
    await raw.xgroup('DESTROY', keys.packs, 'cgroup');
    expect(await consumerStore.prepare()).toBe(true);
    expect((await read('b')).map(({ id }) => id)).toEqual(ids);
    expect(await consumerStore.commit([resultOf(one, 'a')], 0)).toEqual([]);
    expect(await consumerStore.commit([resultOf(one, 'b'), resultOf(two, 'b')], 0)).toEqual([one]);
    expect(await fields(keys.output)).toHaveLength(2);
  });

  test.each(['retry', 'leave'] as const)(
    'removes nothing that a group made again has still to read, after %s had set entries aside',
    async (how) => {
      const { consumerStore, raw, relay, keys, read, inspector } = await open();
      const [, , last] = (await relay('1', '2', '3')) as [string, string, string];
      await read('a', 2);
      await read('b');
      if (how === 'retry')
        await consumerStore.retry([{ entryId: last, inboxId: last, consumerId: 'b', wait: 0 }]);
      else await consumerStore.leave('b', new Map(), []);
      await raw.xgroup('DESTROY', keys.inbox, 'cgroup');
      await consumerStore.prepare();
      await consumerStore.due('c', 10, MINUTE);
      await consumerStore.commit([resultOf(last, 'c')], 0);
      expect(await inspector.read()).toMatchObject({ backlog: 2, counters: { processed: 1 } });
      expect((await read('d')).map(({ message }) => String(message))).toEqual(['1', '2']);
    },
  );
});

describe('bury', () => {
  test('keeps the message as published, with its reason', async () => {
    const { ids, consumerStore, raw, keys, inspector, pending } = await holding(1);
    const id = ids[0] as string;
    expect(await consumerStore.bury([deadLetterOf(id)], 0)).toEqual({ kept: 1, late: [] });
    const [[, flat]] = (await raw.xrangeBuffer(keys.dead, '-', '+')) as [[Buffer, Buffer[]]];
    expect(flat[1]).toEqual(Buffer.from([0x7b, 0xff]));
    expect(flat.slice(2).map(String)).toEqual([
      'reason',
      'failed',
      'error',
      'it broke',
      'attempts',
      '5',
      'consumer_id',
      'a',
      'inbox_id',
      id,
    ]);
    expect(await pending()).toEqual([]);
    expect(await inspector.read()).toMatchObject({ backlog: 0, counters: { dead: 1, failed: 1 } });
  });

  test('removes the entry from the retries and from what was handed back', async () => {
    const { ids, consumerStore, raw, keys, inspector } = await holding(2);
    const [one, two] = ids as [string, string];
    await consumerStore.retry([{ entryId: one, inboxId: one, consumerId: 'a', wait: 0 }]);
    await consumerStore.leave('a', new Map([[two, 0]]), []);
    expect((await consumerStore.bury([deadLetterOf(one), deadLetterOf(two)], 0)).late).toEqual([]);
    expect(await inspector.read()).toMatchObject({ backlog: 0, retrying: 0, counters: { dead: 2 } });
    expect(await raw.exists(keys.retry)).toBe(0);
  });

  test('counts a failed attempt only if there was one', async () => {
    const { ids, consumerStore, inspector } = await holding(1);
    await consumerStore.bury([{ ...deadLetterOf(ids[0] as string), failed: false }], 0);
    expect((await inspector.read()).counters).toMatchObject({ dead: 1, failed: 0 });
  });

  test('sent again, or for an entry with a result, writes nothing', async () => {
    const { ids, consumerStore, everything } = await holding(2);
    const [one, two] = ids as [string, string];
    await consumerStore.commit([resultOf(one)], 0);
    expect((await consumerStore.bury([deadLetterOf(one), deadLetterOf(two)], 0)).late).toEqual([one]);
    const before = await everything();
    expect((await consumerStore.bury([deadLetterOf(one), deadLetterOf(two)], 0)).late).toEqual([one, two]);
    expect(await consumerStore.commit([resultOf(two)], 0)).toEqual([two]);
    expect(await everything()).toEqual(before);
  });

  test.each(['inbox', 'dead', 'counters', 'retry'] as const)(
    'changes nothing if the key of the %s holds something foreign',
    async (name) => {
      const { ids, consumerStore, raw, keys, everything } = await holding(1);
      await raw.set(keys[name], 'foreign');
      const before = await everything();
      await expect(consumerStore.bury([deadLetterOf(ids[0] as string)], 0)).rejects.toMatchObject({
        code: 'KEY_TYPE',
      });
      expect(await everything()).toEqual(before);
    },
  );
});

/** A user of Redis with all rights but these, and the store that it uses. */
async function lacking(keys: Keys, raw: Redis, ...rules: string[]) {
  const user = `u${randomBytes(4).toString('hex')}`;
  await raw.call('ACL', 'SETUSER', user, 'on', '>pass', '~*', '&*', '+@all', ...rules);
  const connection = new Connection(redis.url.replace('//', `//${user}:pass@`), 'lacking', silentLogger);
  onTestFinished(() => connection.close());
  await connection.connect();
  return new RedisConsumerStore(connection, keys, GROUP, undefined);
}

const LAST_ID = '18446744073709551615-18446744073709551615';

describe('a refused command', () => {
  const RIGHTS = ['xadd', 'xdel', 'xack', 'zrem', 'hincrby', 'xpending', 'xrange'];

  test.each([
    ...RIGHTS.map((right) => ['commit', right] as const),
    ['commit', 'xtrim'] as const,
    ...RIGHTS.map((right) => ['bury', right] as const),
    ['bury', 'xtrim'] as const,
  ])(
    'of a %s without the right to %s settles nothing, and the next try settles all once',
    async (how, right) => {
      const { ids, consumerStore, raw, keys, fields, inspector, pending } = await holding(30);
      const [retried, back, ...held] = ids as [string, string, ...string[]];
      await consumerStore.retry([{ entryId: retried, inboxId: retried, consumerId: 'a', wait: MINUTE }]);
      await raw.xack(keys.inbox, GROUP, back);
      await raw.zadd(keys.retry, 1, back);
      const before = await pending();
      const settle = (store: RedisConsumerStore) =>
        how === 'commit'
          ? store.commit(
              ids.map((id) => resultOf(id)),
              1_000,
            )
          : store.bury(
              ids.map((id) => deadLetterOf(id)),
              1_000,
            );
      const refused = settle(await lacking(keys, raw, `-${right}`));
      // The pending entries need not be read, nor messages of entries that are pending.
      if (right === 'xpending' || (right === 'xrange' && how === 'commit')) await refused;
      else {
        await expect(refused).rejects.toMatchObject({ code: 'REDIS_AUTH' });
        expect(await pending()).toEqual(before);
        expect(await raw.xlen(keys.inbox)).toBe(30);
        expect(await raw.zcard(keys.retry)).toBe(2);
      }
      await settle(consumerStore);
      const written = await fields(how === 'commit' ? keys.output : keys.dead);
      expect(written.map(({ inbox_id }) => inbox_id)).toEqual([retried, back, ...held]);
      const { counters } = await inspector.read();
      expect(counters.processed + counters.dead).toBe(30);
      expect(await raw.exists(keys.retry)).toBe(0);
      expect(await raw.xlen(keys.inbox)).toBe(0);
    },
  );

  test.each(['xpending', 'xinfo', 'xlen', 'zcount', 'xtrim'])(
    'within a commit of pending entries without the right to %s settles each once',
    async (right) => {
      const { ids, consumerStore, raw, keys, fields } = await holding(30);
      await consumerStore.retry([
        { entryId: ids[0] as string, inboxId: ids[0] as string, consumerId: 'a', wait: MINUTE },
      ]);
      await (await lacking(keys, raw, `-${right}`)).commit(
        ids.map((id) => resultOf(id)),
        0,
      );
      expect((await fields(keys.output)).map(({ inbox_id }) => inbox_id)).toEqual(ids);
      expect(await raw.hget(keys.counters, 'processed')).toBe('30');
      expect(await raw.xlen(keys.inbox)).toBe(0);
    },
  );

  test.each([['output'], ['dead']] as const)(
    'because the %s has the last possible id says what to do, and nothing is lost or doubled',
    async (name) => {
      const { ids, consumerStore, raw, keys, fields, inspector, pending } = await holding(12);
      const stream = keys[name];
      const settle = () =>
        name === 'output'
          ? consumerStore.commit(
              ids.map((id) => resultOf(id)),
              0,
            )
          : consumerStore.bury(
              ids.map((id) => deadLetterOf(id)),
              0,
            );
      // Room for two entries.
      await raw.xadd(stream, '18446744073709551615-18446744073709551613', 'foreign', '1');
      for (let tries = 0; tries < 4; tries++)
        await expect(settle()).rejects.toMatchObject({
          code: 'REDIS_REFUSED',
          message: expect.stringMatching(
            /^(commit|bury): the stream \S+ holds an entry with the last possible id/,
          ),
        });
      expect(await raw.xlen(stream)).toBe(3);
      expect(await raw.xlen(keys.inbox)).toBe(10);
      expect(await pending()).toHaveLength(10);
      await raw.xtrim(stream, 'MAXLEN', 0);
      await raw.call('XSETID', stream, '0-1');
      await settle();
      expect((await fields(stream)).map(({ inbox_id }) => inbox_id)).toEqual(ids.slice(2));
      const { counters } = await inspector.read();
      expect(counters.processed + counters.dead).toBe(12);
    },
  );

  test('of a revive leaves the dead letter where it is', async () => {
    const { ids, consumerStore, raw, keys, inspector } = await holding(3);
    await consumerStore.bury(
      ids.map((id) => deadLetterOf(id)),
      0,
    );
    const letters: string[] = [];
    for await (const { id } of inspector.deadLetters()) letters.push(id);
    await raw.xadd(keys.inbox, LAST_ID.replace(/5$/, '4'), 'message', 'foreign');
    await expect(inspector.revive(letters)).rejects.toMatchObject({ code: 'REDIS_REFUSED' });
    expect(await raw.xlen(keys.inbox)).toBe(2);
    expect(await inspector.read()).toMatchObject({ deadLetters: 2, counters: { dead: 2, revived: 1 } });
  });

  test('is none for lack of memory: commit and bury make room', async () => {
    const { ids, consumerStore, raw } = await holding(20);
    await raw.config('SET', 'maxmemory', 1);
    onTestFinished(() => raw.config('SET', 'maxmemory', 0).then(() => {}));
    await expect(raw.set('x', 1)).rejects.toThrow('OOM');
    const [results, deadLetters] = [ids.slice(0, 10), ids.slice(10)];
    expect(
      await consumerStore.commit(
        results.map((id) => resultOf(id)),
        0,
      ),
    ).toEqual([]);
    expect(
      (
        await consumerStore.bury(
          deadLetters.map((id) => deadLetterOf(id)),
          0,
        )
      ).late,
    ).toEqual([]);
  });
});

describe('a foreign value among the counters', () => {
  test.each(['not a number', '1.5', '9223372036854775807'])(
    '(%s) does not stop commit and bury',
    async (value) => {
      const { ids, consumerStore, raw, keys, fields } = await holding(2);
      const [one, two] = ids as [string, string];
      await raw.hset(keys.counters, { processed: value, dead: value, failed: value });
      await raw.hset(keys.processed, 'a', value);
      expect(await consumerStore.commit([resultOf(one)], 0)).toEqual([]);
      expect(await consumerStore.bury([deadLetterOf(two)], 0)).toEqual({ kept: 1, late: [] });
      expect([await fields(keys.output), await fields(keys.dead)]).toMatchObject([
        [{ inbox_id: one }],
        [{ inbox_id: two }],
      ]);
      expect(await raw.hget(keys.counters, 'processed')).toBe(value);
    },
  );
});

test('deadMaxLen keeps the newest dead letters, and the trimmed count as purged', async () => {
  const { ids, consumerStore, inspector, fields, keys } = await holding(900);
  const { kept } = await consumerStore.bury(
    ids.map((id) => deadLetterOf(id)),
    100,
  );
  expect(kept).toBeGreaterThanOrEqual(100);
  expect(kept).toBeLessThan(300);
  expect((await fields(keys.dead)).at(-1)).toMatchObject({ inbox_id: ids.at(-1) });
  expect(await inspector.read()).toMatchObject({
    deadLetters: kept,
    counters: { dead: 900, purged: 900 - kept },
  });
});

describe('dead letters', () => {
  test('that are sent back are in the inbox once, as new entries; purged ones stay counted', async () => {
    const { ids, consumerStore, read, inspector } = await holding(4);
    await consumerStore.bury(
      ids.map((id) => deadLetterOf(id)),
      0,
    );
    const deadLetters: string[] = [];
    for await (const { id } of inspector.deadLetters()) deadLetters.push(id);
    const [one, , third, last] = deadLetters as [string, string, string, string];
    expect(await inspector.revive([one, '1-1'])).toEqual([one]);
    expect(await inspector.revive([one])).toEqual([]);
    const again = await read('b');
    expect(again).toMatchObject([{ message: Buffer.from([0x7b, 0xff]), attempts: 0 }]);
    expect(ids).not.toContain(again[0]?.id);
    for (const [upTo, purged] of [
      [third, 2],
      [third, 0],
      ['', 0],
      [last, 1],
    ] as const)
      expect(await inspector.purge(upTo)).toBe(purged);
    expect(await inspector.read()).toMatchObject({
      backlog: 1,
      deadLetters: 0,
      counters: { relayed: 4, dead: 3, revived: 1, purged: 3 },
    });
  });
});
