import { describe, expect, test } from 'vitest';
import type { DeadLetter } from '../../src/core/consumer-store.js';
import { DeadLetters } from '../../src/observe/dead-letters.js';
import { withRedis } from '../helpers/redis.js';
import { GROUP, openStores, type Stores } from '../helpers/stores.js';

// What a call reads and writes is bounded by count and by bytes, and pages miss nothing.

const redis = withRedis();
const EVERYONE = { silence: 0, everyone: true };

async function bury(
  { consumerStore, relay, read }: Stores,
  messages: string[],
  error = 'broken',
  stack = '',
) {
  await relay(...messages);
  const deadLetters = (await read('a')).map(({ id, message }): DeadLetter => {
    return {
      entryId: id,
      inboxId: id,
      consumerId: 'a',
      message,
      reason: 'failed',
      error,
      stack,
      attempts: 3,
      failed: true,
    };
  });
  await consumerStore.bury(deadLetters, 0);
}

/** All pages of so many, as ids. */
async function pagesOf({ inspector }: Stores, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let before: string | undefined; ; ) {
    const page = await inspector.deadLettersBefore(before, count, 100);
    ids.push(...page.map(({ id }) => id));
    if (page.length < count) return ids;
    before = ids.at(-1);
  }
}

async function idsOf({ raw, keys }: Stores): Promise<string[]> {
  return (await raw.xrevrange(keys.dead, '+', '-')).map(([id]) => id);
}

describe('a list of dead letters', () => {
  test('has the fields of each, long texts cut, without reading the letters', async () => {
    const stores = await openStores(redis.namespace());
    await bury(stores, ['short', 'm'.repeat(3_000_000)], 'e'.repeat(5_000));
    const [big, short] = await stores.inspector.deadLettersBefore(undefined, 10, 1_500);
    expect(big).toMatchObject({ messageBytes: 3_000_000 });
    expect(big?.fields.message?.toString()).toBe('m'.repeat(1_500));
    expect(big?.fields.error?.toString()).toBe('e'.repeat(1_500));
    expect(short).toMatchObject({ messageBytes: 5 });
    expect(
      Object.fromEntries(Object.entries(short?.fields ?? {}).map(([name, value]) => [name, String(value)])),
    ).toEqual({
      message: 'short',
      reason: 'failed',
      error: 'e'.repeat(1_500),
      attempts: '3',
      consumer_id: 'a',
      inbox_id: expect.stringMatching(/^\d+-\d+$/),
    });
    // The preview holds a part of the message, in place of the 3 MB.
    expect((await stores.raw.dumpBuffer(stores.keys.previews)).length).toBeLessThan(20_000);
  });

  test.each([true, false])('leaves out stacks, which are in the letters; previews: %s', async (previewed) => {
    const stores = await openStores(redis.namespace());
    const stack = `Error: broken\n    at ${'é'.repeat(1_000)}`;
    await bury(stores, ['one'], 'broken', stack);
    if (!previewed) await stores.raw.del(stores.keys.previews);
    const [letter] = await stores.inspector.deadLettersBefore(undefined, 10, 5_000);
    expect(Object.keys(letter?.fields ?? {}).sort()).toEqual(
      ['message', 'reason', 'error', 'attempts', 'consumer_id', 'inbox_id'].sort(),
    );
    const deadLetters = new DeadLetters(stores.inspector);
    expect(await deadLetters.previews({})).toMatchObject([{ message: 'one' }]);
    expect(await deadLetters.list()).toMatchObject([{ message: 'one', error: 'broken', stack }]);
    expect(await deadLetters.show(letter?.id ?? '')).toMatchObject({ stack });
    const [[, fields]] = (await stores.raw.xrange(stores.keys.dead, '-', '+')) as [[string, string[]]];
    expect(fields.slice(-2)).toEqual(['stack', stack]);
  });

  test('keeps in step when letters are sent back and deleted', async () => {
    const stores = await openStores(redis.namespace());
    await bury(
      stores,
      Array.from({ length: 30 }, (_, i) => `message ${i}`),
    );
    const { raw, keys, inspector } = stores;
    const ids = await idsOf(stores);
    await inspector.revive([ids[0] as string, ids[7] as string]);
    await inspector.purge(ids[20] as string);
    const left = [...ids.slice(1, 7), ...ids.slice(8, 20)];
    expect(await idsOf(stores)).toEqual(left);
    expect((await raw.xrevrange(keys.previews, '+', '-')).map(([id]) => id)).toEqual(left);
    expect(await pagesOf(stores, 4)).toEqual(left);
  });

  test.each(['without previews', 'with too many'])(
    'reads the letters themselves if they are %s',
    async (what) => {
      const stores = await openStores(redis.namespace());
      const { raw, keys } = stores;
      await bury(stores, ['a', 'b'.repeat(1_200_000), 'c', 'd'.repeat(700_000), 'e'.repeat(700_000), 'f']);
      if (what === 'without previews') await raw.del(keys.previews);
      else await raw.xadd(keys.previews, '*', 'message', 'foreign');
      expect(await pagesOf(stores, 4)).toEqual(await idsOf(stores));
      const page = await stores.inspector.deadLettersBefore(undefined, 10, 50);
      expect(page.map(({ messageBytes }) => messageBytes)).toEqual([1, 700_000, 700_000, 1, 1_200_000, 1]);
      expect(Math.max(...page.map(({ fields }) => fields.message?.length ?? 0))).toBe(50);
    },
  );

  test('answers many requests at once', async () => {
    const stores = await openStores(redis.namespace());
    await bury(
      stores,
      Array.from({ length: 12 }, (_, i) => `${i}`),
    );
    await stores.raw.del(stores.keys.previews);
    const all = await Promise.all(Array.from({ length: 10 }, () => pagesOf(stores, 5)));
    for (const ids of all) expect(ids).toEqual(await idsOf(stores));
  });

  test('does not stop after a request that failed', async () => {
    const stores = await openStores(redis.namespace());
    await bury(stores, ['one']);
    const wrong = stores.inspector.deadLettersBefore('no id', 5, 50);
    const right = stores.inspector.deadLettersBefore(undefined, 5, 50);
    await expect(wrong).rejects.toMatchObject({ code: 'REDIS_REFUSED' });
    expect(await right).toHaveLength(1);
  });
});

test('all dead letters are sent back, oldest first, whatever their size', async () => {
  const stores = await openStores(redis.namespace());
  const messages = ['one', '2'.repeat(900_000), '3'.repeat(900_000), 'four', '5'.repeat(2_000_000), 'six'];
  await bury(stores, messages);
  const progress: number[] = [];
  expect(await new DeadLetters(stores.inspector).retryAll((sent) => progress.push(sent))).toBe(6);
  expect(progress.length).toBeGreaterThan(2);
  expect((await stores.read('a')).map(({ message }) => message)).toEqual(messages);
});

test('pages of a stream follow the size of its entries, and miss none', async () => {
  const stores = await openStores(redis.namespace());
  const sizes = Array.from({ length: 40 }, (_, i) => (i % 10 === 9 ? 1_500_000 : 10));
  const ids: string[] = [];
  for (const size of sizes) ids.push(...(await stores.relay('x'.repeat(size))));
  const found: string[] = [];
  for await (const { id, fields } of stores.inspector.inbox()) {
    found.push(id);
    expect(fields.message?.length).toBe(sizes[found.length - 1]);
  }
  expect(found).toEqual(ids);
});

describe('thousands of entries', () => {
  const MANY = 2_500;

  test('are handed back page by page with the attempts made, and the consumer leaves', async () => {
    const { relay, read, consumerStore, raw, keys } = await openStores(redis.namespace());
    await relay(...Array.from({ length: MANY }, (_, i) => `${i}`));
    const entries = await read('a');
    const attempts = new Map(entries.filter((_, i) => i % 2 === 0).map(({ id }, i) => [id, i % 4]));
    expect(await consumerStore.leave('a', attempts, [])).toBe(MANY);
    expect(await raw.xinfo('CONSUMERS', keys.inbox, GROUP)).toEqual([]);
    const scores = await raw.zrange(keys.retry, '0', '-1', 'WITHSCORES');
    const stored = new Map(scores.flatMap((id, i) => (i % 2 === 0 ? [[id, Number(scores[i + 1])]] : [])));
    expect(stored.size).toBe(MANY);
    for (const { id } of entries) expect(stored.get(id)).toBe(attempts.get(id) ?? 0);
  });

  test('that wait for a retry stay with the consumer that leaves', async () => {
    const { relay, read, consumerStore, pending } = await openStores(redis.namespace());
    await relay(...Array.from({ length: MANY }, (_, i) => `${i}`));
    const entries = await read('a');
    const failed = [entries[3], entries[1_700]].map((entry) => ({
      entryId: entry?.id ?? '',
      inboxId: entry?.id ?? '',
      consumerId: 'a',
      wait: 60_000,
    }));
    await consumerStore.retry(failed);
    expect(await consumerStore.leave('a', new Map(), [])).toBe(MANY - 2);
    expect((await pending()).map(({ id, consumer }) => [id, consumer])).toEqual(
      failed.map(({ entryId }) => [entryId, 'a']),
    );
  });

  test('are renewed, but for those that the consumer no longer holds', async () => {
    const { relay, read, consumerStore, raw, keys } = await openStores(redis.namespace());
    await relay(...Array.from({ length: MANY }, (_, i) => `${i}`));
    const ids = (await read('a')).map(({ id }) => id);
    const taken = [ids[5], ids[1_500], ids[2_400]] as string[];
    await raw.xclaim(keys.inbox, GROUP, 'b', 0, ...taken);
    await raw.xdel(keys.inbox, ids[2_000] as string);
    const { gone, deleted } = await consumerStore.renew('a', ids);
    expect(gone.toSorted()).toEqual([...taken, ids[2_000] as string].toSorted());
    expect(deleted).toBe(1);
  });
});

test('entries that are reclaimed keep their messages and attempts; those that were deleted are counted', async () => {
  const { relay, read, consumerStore, raw, keys, pending } = await openStores(redis.namespace());
  await relay('one', '2'.repeat(2_000_000), 'three', 'four');
  const ids = (await read('gone')).map(({ id }) => id);
  await raw.xdel(keys.inbox, ids[2] as string);
  const { entries, next, lost } = await consumerStore.reclaim({ ...EVERYONE, consumerId: 'b', count: 10 });
  expect({ next, lost }).toEqual({ next: undefined, lost: 1 });
  expect(entries).toEqual([
    { id: ids[0], message: 'one', attempts: 1 },
    { id: ids[1], message: '2'.repeat(2_000_000), attempts: 1 },
    { id: ids[3], message: 'four', attempts: 1 },
  ]);
  expect(await pending()).toHaveLength(3);
});
