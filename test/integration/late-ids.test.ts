import { expect, test } from 'vitest';
import { withoutLateEntries } from '../../src/doctor/late-ids.js';
import type { LateStream } from '../../src/redis/stream-ids.js';
import { withRedis } from '../helpers/redis.js';
import { GROUP, openStores } from '../helpers/stores.js';

const redis = withRedis();
const LAST = '18446744073709551615-18446744073709551615';

test('a stream loses its late entries alone: the others, what is pending and how often it was delivered stay', async () => {
  const { raw, keys, relay, read, pending } = await openStores(redis.namespace());
  const ids = await relay(...Array.from({ length: 2_000 }, (_, i) => `message ${i}`));
  await read('a', 600);
  await read('b', 700);
  await raw.xclaim(keys.inbox, GROUP, 'a', 0, ids[650] as string, 'RETRYCOUNT', 7, 'JUSTID');
  await read('c');
  await raw.xadd(keys.inbox, LAST, 'foreign', 'entry');
  await read('c');
  const [entries, delivered] = [await raw.xrange(keys.inbox, '-', '+'), await pending()];
  expect([entries.length, delivered.length]).toEqual([2_001, 2_001]);

  const before = ids.at(-1) as string;
  const late: LateStream = { key: keys.inbox, lastId: LAST, entries: [LAST], before, hasGroup: true };
  const [command = '', ...args] = withoutLateEntries(late, GROUP).words;
  expect(await raw.call(command, ...args)).toBe('OK');
  expect(await raw.xrange(keys.inbox, '-', '+')).toEqual(entries.slice(0, -1));
  expect(await pending()).toEqual(delivered.slice(0, -1));
  expect(await raw.keys('*:new*')).toEqual([]);
  const [next] = await relay('next');
  expect((await read('a')).map(({ id }) => id)).toEqual([next]);
});

test('a stream with late entries alone is empty then; a consumer group keeps its place', async () => {
  const { raw, keys } = await openStores(redis.namespace());
  for (const [key, hasGroup] of [
    [keys.output, false],
    [keys.inbox, true],
  ] as const) {
    await raw.xadd(key, LAST, 'foreign', 'entry');
    const late = { key, lastId: LAST, entries: [LAST], before: '7-0', hasGroup };
    const [command = '', ...args] = withoutLateEntries(late, GROUP).words;
    await raw.call(command, ...args);
    expect(await raw.xlen(key)).toBe(0);
    await raw.xadd(key, '8-0', 'some', 'entry');
  }
  const [group] = (await raw.xinfo('GROUPS', keys.inbox)) as unknown[][];
  expect(group?.[group.indexOf('last-delivered-id') + 1]).toBe('7-0');
});
