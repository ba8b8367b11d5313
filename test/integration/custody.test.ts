import type { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import type { Due, Entry } from '../../src/core/consumer-store.js';
import { parseMessage } from '../../src/core/message.js';
import { withRedis } from '../helpers/redis.js';
import { GROUP, openStores } from '../helpers/stores.js';

const redis = withRedis();
const MINUTE = 60_000;

/** Stores, and entries with these messages that consumer `a` holds. */
async function holding(...messages: string[]) {
  const stores = await openStores(redis.namespace());
  const ids = await stores.relay(...messages);
  await stores.read('a');
  return { ...stores, ids, id: ids[0] as string };
}

const held = (entryId: string, consumerId = 'a') => ({ entryId, inboxId: entryId, consumerId });

describe('retry', () => {
  test('leaves the entry with its consumer, and counts once even if sent again', async () => {
    const { id, consumerStore, pending, inspector } = await holding('x');
    await consumerStore.retry([{ ...held(id), wait: MINUTE }]);
    await consumerStore.retry([{ ...held(id), wait: 1 }]);
    expect(await pending()).toEqual([{ id, consumer: 'a', deliveries: 1 }]);
    expect(await inspector.read()).toMatchObject({
      retrying: 1,
      pending: 0,
      waiting: 0,
      counters: { failed: 1 },
    });
    expect((await consumerStore.due('b', 10, MINUTE)).entries).toEqual([]);
  });

  test('schedules no entry that another consumer holds or that is settled', async () => {
    const { ids, consumerStore, inspector } = await holding('x', 'y');
    const [one, two] = ids as [string, string];
    await consumerStore.reclaim({ consumerId: 'b', silence: 0, count: 1, everyone: true });
    await consumerStore.commit([{ ...held(two), messageId: 'y', data: '{}' }], 0);
    await consumerStore.retry([one, two].map((id) => ({ ...held(id), wait: 1 })));
    expect(await inspector.read()).toMatchObject({ retrying: 0, pending: 1, counters: { failed: 0 } });
  });

  test('refuses a foreign key and changes nothing', async () => {
    const { id, consumerStore, raw, keys, everything } = await holding('x');
    await raw.set(keys.counters, 'foreign');
    const before = await everything();
    await expect(consumerStore.retry([{ ...held(id), wait: 1 }])).rejects.toMatchObject({ code: 'KEY_TYPE' });
    expect(await everything()).toEqual(before);
  });
});

describe('due', () => {
  test('gives an entry to one consumer only, with the attempts made', async () => {
    const { id, consumerStore, pending, inspector } = await holding('x');
    await consumerStore.begin(held(id), 3);
    await consumerStore.retry([{ ...held(id), wait: 0 }]);
    const given = await Promise.all([consumerStore.due('b', 10, MINUTE), consumerStore.due('c', 10, MINUTE)]);
    expect(given.map(({ entries }) => entries)).toEqual([[{ id, message: 'x', attempts: 3 }], []]);
    expect(await pending()).toEqual([{ id, consumer: 'b', deliveries: 3 }]);
    expect(await inspector.read()).toMatchObject({ retrying: 0, pending: 1, counters: { retried: 1 } });
  });

  test('gives at most as many as asked for, the earliest first', async () => {
    const { ids, consumerStore } = await holding('x', 'y', 'z');
    const waits = [0, -2_000, -1_000];
    await consumerStore.retry(ids.map((id, i) => ({ ...held(id), wait: waits[i] as number })));
    const texts = ({ entries }: Due) => entries.map(({ message }) => String(message));
    expect(texts(await consumerStore.due('b', 2, MINUTE))).toEqual(['y', 'z']);
    expect(texts(await consumerStore.due('b', 2, MINUTE))).toEqual(['x']);
  });

  test('treats a due time too far ahead as set before the clock was put back: the entry is due', async () => {
    const { id, consumerStore } = await holding('x');
    await consumerStore.retry([{ ...held(id), wait: 10 * MINUTE }]);
    expect((await consumerStore.due('b', 10, 11 * MINUTE)).entries).toEqual([]);
    expect((await consumerStore.due('b', 10, 9 * MINUTE)).entries).toHaveLength(1);
  });

  test('counts a deleted entry once, whichever call finds it first', async () => {
    for (const first of ['due', 'reclaim'] as const) {
      const { ids, consumerStore, raw, keys, inspector, pending } = await holding('x', 'y');
      const [retried, back] = ids as [string, string];
      await consumerStore.reclaim({ consumerId: 'b', silence: 0, count: 1, everyone: true });
      await consumerStore.retry([{ ...held(retried, 'b'), wait: 0 }]);
      await consumerStore.leave('a', new Map(), []);
      await raw.xdel(keys.inbox, retried, back);
      for (const look of [first, 'due', 'reclaim'])
        if (look === 'due') expect((await consumerStore.due('c', 10, MINUTE)).entries).toEqual([]);
        else await consumerStore.reclaim({ consumerId: 'c', silence: 0, count: 10, everyone: true });
      expect(await pending()).toEqual([]);
      expect(await inspector.read()).toMatchObject({ backlog: 0, retrying: 0, counters: { lost: 2 } });
    }
  });
});

describe('due, in a retry zset that another program writes to', () => {
  test('removes and counts members that are no ids, and gives out the entries among them', async () => {
    const { ids, consumerStore, raw, keys, inspector } = await holding('x', 'y');
    const [one, two] = ids as [string, string];
    await consumerStore.retry([one, two].map((id) => ({ ...held(id), wait: 0 })));
    const noIds = [
      '',
      '-',
      '+',
      '$',
      '*',
      '7',
      '7-',
      '-7',
      '07-1',
      '7-01',
      '1-1-1',
      '(1-1',
      '1-1 ',
      'ä-1',
      '1e3-0',
    ];
    const tooLarge = [
      '18446744073709551616-0',
      '1-18446744073709551616',
      '1'.repeat(21),
      '1'.repeat(30).concat('-1'),
    ];
    const foreign = [...noIds, ...tooLarge];
    await raw.zadd(keys.retry, ...foreign.flatMap((member, i) => [i % 3 === 0 ? '-inf' : i, member]));
    const { entries, ...rest } = await consumerStore.due('b', 100, MINUTE);
    expect(entries.map(({ id }) => id)).toEqual([one, two]);
    expect(rest).toEqual({ more: false, foreign: foreign.length });
    expect(await raw.zcard(keys.retry)).toBe(0);
    expect((await inspector.read()).counters).toMatchObject({ foreignRetries: foreign.length, lost: 0 });
  });

  test('is not held up by a page full of them: the next call goes on', async () => {
    const { id, consumerStore, raw, keys } = await holding('x');
    await consumerStore.retry([{ ...held(id), wait: 0 }]);
    await raw.zadd(keys.retry, ...Array.from({ length: 25 }, (_, i) => [0, `foo ${i}`]).flat());
    const given = [];
    let calls = 0;
    for (let more = true; more; calls++) {
      const due = await consumerStore.due('b', 10, MINUTE);
      given.push(...due.entries);
      ({ more } = due);
    }
    expect(given.map((entry) => entry.id)).toEqual([id]);
    expect(calls).toBe(3);
  });

  test.each(['-inf', '-5', '2.5', '+inf', '1e300'])('gives out an entry with the score %s', async (score) => {
    const { id, consumerStore, raw, keys } = await holding('x');
    await consumerStore.begin(held(id), 2);
    await raw.zadd(keys.retry, score, id);
    const { entries } = await consumerStore.due('b', 10, MINUTE);
    expect(entries).toEqual([{ id, message: 'x', attempts: 2 }]);
  });

  test('does its work though a counter holds no number', async () => {
    for (const value of ['abc', '9223372036854775807', '1.5', '']) {
      const { id, consumerStore, raw, keys, pending } = await holding('x');
      await consumerStore.retry([{ ...held(id), wait: 0 }]);
      await raw.hset(keys.counters, { retried: value, foreignRetries: value });
      await raw.zadd(keys.retry, 0, 'foo');
      expect((await consumerStore.due('b', 10, MINUTE)).entries).toEqual([{ id, message: 'x', attempts: 1 }]);
      expect(await pending()).toEqual([{ id, consumer: 'b', deliveries: 1 }]);
      expect(await raw.hget(keys.counters, 'retried')).toBe(value);
    }
  });
});

describe('due, if Redis refuses a command of it', () => {
  test.each(['xclaim', 'zrem'])('%s: every entry stays due', async (command) => {
    const { ids, consumerStore, raw, keys } = await holding('x', 'y');
    await consumerStore.retry(ids.map((id) => ({ ...held(id), wait: 0 })));
    await raw.acl('SETUSER', 'default', `-${command}`);
    const refused = await consumerStore.due('b', 10, MINUTE).catch((error: unknown) => error);
    await raw.acl('SETUSER', 'default', `+${command}`);
    expect(String(refused)).toContain('due: ');
    expect(await raw.zcard(keys.retry)).toBe(2);
    expect((await consumerStore.due('b', 10, MINUTE)).entries).toHaveLength(2);
  });
});

describe('an inbox entry that another program wrote', () => {
  test('is given out as a text that is no JSON, by a read, by reclaim and by due', async () => {
    const { raw, keys, read, consumerStore } = await openStores(redis.namespace());
    for (const fields of [
      ['data', '{"message_id":"a"}'],
      ['message_', 'x', 'message', '{}'],
      ['', ''],
    ])
      await raw.xadd(keys.inbox, '*', ...fields);
    const texts = (entries: readonly Entry[]) => entries.map(({ message }) => String(message));
    const expected = [
      'foreign entry: data {"message_id":"a"}',
      'foreign entry: message_ x message {}',
      'foreign entry:  ',
    ];
    const fresh = await read('a');
    expect(texts(fresh)).toEqual(expected);
    expect(fresh.map(({ message }) => parseMessage(message))).toEqual(
      expected.map(() => expect.objectContaining({ valid: false, reason: 'invalid-json' })),
    );
    const silent = { consumerId: 'b', silence: 0, count: 10, everyone: true };
    expect(texts((await consumerStore.reclaim(silent)).entries)).toEqual(expected);
    await consumerStore.leave('b', new Map(), []);
    expect(texts((await consumerStore.due('c', 10, MINUTE)).entries)).toEqual(expected);
  });
});

describe('begin', () => {
  test('notes the attempt of the consumer that holds the entry, the same if sent again', async () => {
    const { id, consumerStore, pending } = await holding('x');
    for (let sent = 0; sent < 2; sent++) {
      expect(await consumerStore.begin(held(id), 4)).toBe(true);
      expect(await pending()).toEqual([{ id, consumer: 'a', deliveries: 4 }]);
    }
  });

  test('refuses a consumer that does not hold it', async () => {
    const { id, consumerStore, pending } = await holding('x');
    expect(await consumerStore.begin(held(id, 'b'), 4)).toBe(false);
    expect(await consumerStore.begin(held('1-1'), 2)).toBe(false);
    expect(await pending()).toEqual([{ id, consumer: 'a', deliveries: 1 }]);
  });
});

describe('renew', () => {
  test('counts an entry as lost if it was deleted while it was held', async () => {
    const { ids, consumerStore, raw, keys, inspector } = await holding('x', 'y');
    const [one] = ids as [string];
    await raw.xdel(keys.inbox, one);
    expect(await consumerStore.renew('a', ids)).toEqual({ gone: [one], deleted: 1 });
    expect(await inspector.read()).toMatchObject({
      backlog: 1,
      pending: 1,
      counters: { lost: 1, relayed: 2 },
    });
  });

  test('keeps an entry from being reclaimed, and counts as no attempt', async () => {
    const { ids, id, consumerStore, raw, keys, pending } = await holding('x', 'y');
    for (const one of ids) await raw.xclaim(keys.inbox, GROUP, 'a', 0, one, 'IDLE', MINUTE, 'JUSTID');
    expect(await consumerStore.renew('a', [id])).toEqual({ gone: [], deleted: 0 });
    const { entries } = await consumerStore.reclaim({
      consumerId: 'b',
      silence: MINUTE / 2,
      count: 10,
      everyone: true,
    });
    expect(entries.map(({ id }) => id)).toEqual([ids[1]]);
    expect((await pending())[0]).toEqual({ id, consumer: 'a', deliveries: 1 });
  });

  test('names the entries that the consumer no longer holds, and takes none back', async () => {
    const { ids, consumerStore, pending } = await holding('x', 'y', 'z');
    const [one, two, three] = ids as [string, string, string];
    await consumerStore.reclaim({ consumerId: 'b', silence: 0, count: 1, everyone: true });
    await consumerStore.commit([{ ...held(two), messageId: 'y', data: '{}' }], 0);
    expect(await consumerStore.renew('a', ids)).toEqual({ gone: [one, two], deleted: 0 });
    expect((await pending()).map(({ id, consumer }) => [id, consumer])).toEqual([
      [one, 'b'],
      [three, 'a'],
    ]);
  });
});

describe('reclaim', () => {
  test('takes only from silent consumers, page by page, and counts no attempt yet', async () => {
    const { ids, consumerStore, raw, keys, read, relay } = await holding('x', 'y', 'z');
    const look = { consumerId: 'b', silence: MINUTE, everyone: true };
    expect((await consumerStore.reclaim({ ...look, count: 10 })).entries).toEqual([]);
    const [late] = await relay('w');
    await read('c');
    for (const [consumer, id] of [...ids.map((id) => ['a', id] as const), ['c', late as string] as const])
      await raw.xclaim(keys.inbox, GROUP, consumer, 0, id, 'IDLE', 2 * MINUTE, 'JUSTID');
    // Both consumers were active just now, though not on these entries.
    expect((await consumerStore.reclaim({ ...look, everyone: false, count: 10 })).entries).toEqual([]);
    const page = await consumerStore.reclaim({ ...look, count: 2 });
    expect(page.entries).toEqual([
      { id: ids[0], message: 'x', attempts: 1 },
      { id: ids[1], message: 'y', attempts: 1 },
    ]);
    const rest = await consumerStore.reclaim({ ...look, count: 10, from: page.next });
    expect(rest.entries.map(({ message }) => String(message))).toEqual(['z', 'w']);
    expect(rest.next).toBeUndefined();
  });

  test('scans entries that wait for a retry only once, even if they are many, and finds those after them', async () => {
    const { ids, consumerStore, raw, keys, inspector } = await holding(
      ...Array.from({ length: 1_500 }, String),
    );
    const waiting = ids.slice(0, -1);
    await consumerStore.retry(waiting.map((id) => ({ ...held(id), wait: MINUTE })));
    for (const id of ids) await raw.xclaim(keys.inbox, GROUP, 'a', 0, id, 'IDLE', 2 * MINUTE, 'JUSTID');
    const look = { consumerId: 'b', silence: MINUTE, everyone: true, count: 10 };
    const first = await consumerStore.reclaim(look);
    expect(first.entries).toEqual([]);
    expect(first.next).toMatchObject({ consumerId: 'a' });
    const second = await consumerStore.reclaim({ ...look, from: first.next });
    expect(second.entries.map(({ id }) => id)).toEqual(ids.slice(-1));
    expect(second.next).toBeUndefined();
    expect((await consumerStore.reclaim(look)).entries).toEqual([]);
    expect((await inspector.read()).retrying).toBe(waiting.length);
  });

  test('leaves an entry that waits for a retry until it is due', async () => {
    const { id, consumerStore, inspector } = await holding('x');
    await consumerStore.retry([{ ...held(id), wait: MINUTE }]);
    expect(
      (await consumerStore.reclaim({ consumerId: 'b', silence: 0, count: 10, everyone: true })).entries,
    ).toEqual([]);
    expect((await inspector.read()).retrying).toBe(1);
  });

  test('counts a deleted entry as lost, once', async () => {
    const { ids, id, consumerStore, raw, keys, pending, inspector } = await holding('x', 'y');
    await raw.xdel(keys.inbox, id);
    const found = await consumerStore.reclaim({ consumerId: 'b', silence: 0, count: 10, everyone: true });
    expect(found).toMatchObject({ lost: 1, entries: [{ id: ids[1] }] });
    expect(
      (await consumerStore.reclaim({ consumerId: 'b', silence: 0, count: 10, everyone: true })).lost,
    ).toBe(0);
    expect(await pending()).toHaveLength(1);
    expect(await inspector.read()).toMatchObject({ backlog: 1, counters: { relayed: 2, lost: 1 } });
  });
});

describe('strays', () => {
  const LOST_BY = {
    XACK: async (raw: Redis, inbox: string, ids: readonly string[]) => {
      await raw.xack(inbox, GROUP, ...ids.slice(0, 4));
    },
    'XGROUP DELCONSUMER': async (raw: Redis, inbox: string) => {
      await raw.xgroup('DELCONSUMER', inbox, GROUP, 'a');
    },
  };

  test.each(Object.entries(LOST_BY))(
    'that %s made are handed back once, and due gives them out',
    async (_how, lose) => {
      const { ids, consumerStore, raw, keys, inspector, pending, read, relay } = await holding(
        ...Array.from({ length: 7 }, String),
      );
      await relay('by b, to be retried', 'by b');
      const [retried] = (await read('b')).map(({ id }) => id);
      await consumerStore.retry([{ ...held(retried as string, 'b'), wait: MINUTE }]);
      await relay('waiting');
      await lose(raw, keys.inbox, ids);
      const before = await pending();
      const gone = ids.filter((id) => !before.some((entry) => entry.id === id));
      expect(await consumerStore.strays(undefined)).toEqual({ found: gone.length, next: undefined });
      expect(await consumerStore.strays(undefined)).toEqual({ found: 0, next: undefined });
      expect(await pending()).toEqual(before);
      expect((await inspector.read()).counters.strays).toBe(gone.length);
      const given = (await consumerStore.due('c', 100, MINUTE)).entries;
      expect(given.map(({ id, attempts }) => [id, attempts])).toEqual(gone.map((id) => [id, 0]));
      expect(await consumerStore.strays(undefined)).toEqual({ found: 0, next: undefined });
      expect((await read('d')).map(({ message }) => String(message))).toEqual(['waiting']);
    },
  );

  test('that XGROUP SETID skipped are found, though it set a lag that is not true', async () => {
    const { consumerStore, raw, keys, relay } = await openStores(redis.namespace());
    await relay('a', 'b', 'c');
    await raw.xgroup('SETID', keys.inbox, GROUP, '$', 'ENTRIESREAD', 0);
    expect(await consumerStore.strays(undefined)).toEqual({ found: 3, next: undefined });
  });

  test('that XGROUP SETID skipped are found; what waits after it is left', async () => {
    const { consumerStore, raw, keys, relay, read } = await openStores(redis.namespace());
    const ids = await relay(...Array.from({ length: 9 }, String));
    await raw.xgroup('SETID', keys.inbox, GROUP, ids[5] as string);
    expect(await consumerStore.strays(undefined)).toEqual({ found: 6, next: undefined });
    expect((await consumerStore.due('c', 100, MINUTE)).entries.map(({ id }) => id)).toEqual(ids.slice(0, 6));
    expect((await read('d')).map(({ id }) => id)).toEqual(ids.slice(6));
  });

  test('are found page by page, between thousands of pending ones, and beside deleted ones', async () => {
    const { ids, consumerStore, raw, keys } = await holding(...Array.from({ length: 3_500 }, String));
    const lost = ids.filter((_, i) => i % 100 === 50);
    await raw.xack(keys.inbox, GROUP, ...lost);
    // Pending and gone: they would be the first in a page of pending entries.
    await raw.xdel(keys.inbox, ...ids.filter((_, i) => i % 500 < 5));
    let [found, calls] = [0, 0];
    let next: string | undefined;
    do {
      const page = await consumerStore.strays(next);
      found += page.found;
      next = page.next;
      calls++;
      // The deleted ones make the numbers fit before the last stray is found.
      if (next === undefined && calls < 20 && found < lost.length)
        await consumerStore.reclaim({ consumerId: 'b', silence: 0, count: 5_000, everyone: true });
    } while (next !== undefined || (found < lost.length && calls < 20));
    expect(found).toBe(lost.length);
    expect(calls).toBeGreaterThan(3);
    const given = (await consumerStore.due('c', 100, MINUTE)).entries;
    expect(new Set(given.map(({ id }) => id))).toEqual(new Set(lost));
  });

  test('of many bytes are looked at in small pages', async () => {
    const { ids, consumerStore, raw, keys } = await holding(
      ...Array.from({ length: 6 }, () => 'x'.repeat(400_000)),
    );
    await raw.xack(keys.inbox, GROUP, ...ids);
    const page = await consumerStore.strays(undefined);
    expect(page).toEqual({ found: 3, next: `(${ids[2]}` });
    expect((await consumerStore.strays(page.next)).found).toBe(3);
  });

  test('are not looked for in a group that is gone', async () => {
    const { consumerStore, raw, keys } = await holding('x');
    await raw.xgroup('DESTROY', keys.inbox, GROUP);
    expect(await consumerStore.strays(undefined)).toEqual({ found: 0, next: undefined });
  });
});

describe('leave', () => {
  test('hands back at once what was not begun, and counts no attempt', async () => {
    const { ids, consumerStore, raw, keys, inspector } = await holding('x', 'y');
    const [one, two] = ids as [string, string];
    // `x` was in work for the third time when the consumer had to stop; it never knew of `y`.
    await consumerStore.begin(held(one), 3);
    expect(await consumerStore.leave('a', new Map([[one, 2]]), [])).toBe(2);
    expect(await raw.xinfo('CONSUMERS', keys.inbox, GROUP)).toEqual([]);
    expect(await inspector.read()).toMatchObject({ backlog: 2, waiting: 2, pending: 0, retrying: 0 });
    const { entries: given } = await consumerStore.due('b', 10, MINUTE);
    expect(new Map(given.map(({ id, attempts }) => [id, attempts]))).toEqual(
      new Map([
        [one, 2],
        [two, 0],
      ]),
    );
    expect((await inspector.read()).counters).toMatchObject({ retried: 0, failed: 0 });
  });

  test('does not happen where entries are only handed back: what the consumer has processed stays known', async () => {
    const { ids, consumerStore, raw, keys, inspector } = await holding('x', 'y', 'z');
    const [one, two] = ids as [string, string, string];
    await consumerStore.commit([{ ...held(one), inboxId: one, messageId: 'x', data: '{}' }], 0);
    expect(await consumerStore.handBack('a', new Map([[two, 1]]))).toBe(2);
    expect(await raw.hgetall(keys.processed)).toEqual({ a: '1' });
    expect(await raw.xinfo('CONSUMERS', keys.inbox, GROUP)).toHaveLength(1);
    expect(await inspector.read()).toMatchObject({ waiting: 2, pending: 0 });
    const { entries: given } = await consumerStore.due('b', 10, MINUTE);
    expect(given.map(({ attempts }) => attempts).sort()).toEqual([0, 1]);
    expect(await consumerStore.handBack('a', new Map())).toBe(0);
  });

  test('hands back more than one page, and does nothing when sent again', async () => {
    const { consumerStore, everything, inspector } = await holding(...Array.from({ length: 1_234 }, String));
    expect(await consumerStore.leave('a', new Map(), [])).toBe(1_234);
    const before = await everything();
    expect(await consumerStore.leave('a', new Map(), [])).toBe(0);
    expect(await everything()).toEqual(before);
    expect((await inspector.read()).waiting).toBe(1_234);
  });

  test('keeps a failed entry waiting, and the consumer in the group until the entry is taken', async () => {
    const { id, consumerStore, raw, keys, inspector } = await holding('x', 'y');
    await consumerStore.retry([{ ...held(id), wait: 0 }]);
    expect(await consumerStore.leave('a', new Map(), [])).toBe(1);
    expect(await inspector.read()).toMatchObject({ retrying: 1, waiting: 1 });
    expect(await raw.xinfo('CONSUMERS', keys.inbox, GROUP)).toHaveLength(1);
    expect(await consumerStore.sweep([], 0)).toEqual([]);
    await consumerStore.due('b', 10, MINUTE);
    expect(await consumerStore.sweep(['b'], 0)).toEqual(['a']);
  });

  test('does nothing if the group is gone', async () => {
    const { consumerStore, raw, keys } = await holding('x');
    await raw.xgroup('DESTROY', keys.inbox, GROUP);
    expect(await consumerStore.leave('a', new Map(), [])).toBe(0);
  });
});

describe('sweep', () => {
  test('removes a dead consumer only if it has no pending entries', async () => {
    const { id, consumerStore, pending } = await holding('x');
    expect(await consumerStore.sweep([], 0)).toEqual([]);
    expect(await pending()).toHaveLength(1);
    await consumerStore.commit([{ ...held(id), messageId: 'x', data: '{}' }], 0);
    expect(await consumerStore.sweep(['a'], 0)).toEqual([]);
    expect(await consumerStore.sweep([], MINUTE)).toEqual([]);
    expect(await consumerStore.sweep([], 0)).toEqual(['a']);
    expect(await consumerStore.sweep([], 0)).toEqual([]);
  });
});

test.each(['none', '0.5', '9223372036854775807'])(
  'a foreign value (%s) in the counter of lost entries stops neither renew nor reclaim',
  async (value) => {
    const { ids, consumerStore, raw, keys } = await holding('x', 'y', 'z');
    const [one, two, three] = ids as [string, string, string];
    await raw.hset(keys.counters, 'lost', value);
    await raw.xdel(keys.inbox, one);
    expect(await consumerStore.renew('a', [one])).toEqual({ gone: [one], deleted: 1 });
    await raw.xdel(keys.inbox, two);
    const request = { consumerId: 'b', silence: 0, count: 10, everyone: true };
    expect(await consumerStore.reclaim(request)).toMatchObject({ lost: 1, entries: [{ id: three }] });
    expect(await raw.hget(keys.counters, 'lost')).toBe(value);
  },
);
