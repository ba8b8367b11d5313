import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { GroupClient, type Message, type Processor } from '../../src/index.js';
import { emptyFolder } from '../helpers/http.js';
import { makeGroup } from '../helpers/library.js';
import { withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();

interface Order extends Message {
  readonly fails?: boolean;
}

/** A group with a processor that refuses some messages until the test allows them, and a client. */
async function setUp() {
  const space = redis.namespace();
  const shop = { refuses: true };
  const processor: Processor<Order, Order> = async (order) => {
    if (shop.refuses && order.fails) throw new Error('out of stock');
    return order;
  };
  const made = makeGroup(space, { processor: processor as Processor, maxAttempts: 1 });
  await made.group.start();
  const client = await GroupClient.connect({ ...space, timeout: 1_000 });
  onTestFinished(() => client.close());
  const publish = async (ids: readonly string[], fails: boolean) => {
    for (const message_id of ids) await made.publish({ message_id, fails });
  };
  const settled = (processed: number, kept: number) =>
    until(async () => {
      const { counters, backlog, deadLetters } = await client.status();
      return backlog === 0 && counters.processed === processed && deadLetters === kept;
    });
  return { client, shop, publish, settled };
}

test('a client sees the group, its dead letters, and sends them back', async () => {
  const { client, shop, publish, settled } = await setUp();
  await publish(['a', 'b', 'c'], true);
  await publish(['d'], false);
  await settled(1, 3);
  expect((await client.status()).consumers).toHaveLength(2);

  const [newest, ...others] = await client.deadLetters.list();
  expect(newest).toMatchObject({
    reason: 'failed',
    error: 'out of stock',
    message: expect.stringContaining('"c"'),
  });
  expect(others).toHaveLength(2);
  expect(await client.deadLetters.list({ limit: 1 })).toEqual([newest]);
  for (const limit of [1.5, -1, Number.NaN])
    await expect(client.deadLetters.list({ limit })).rejects.toMatchObject({ code: 'SETTINGS' });
  const { id } = newest as { id: string };
  expect(await client.deadLetters.show(id)).toEqual(newest);
  expect(await client.deadLetters.show('1-1')).toBeUndefined();

  await expect(client.deadLetters.show('abc')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(client.deadLetters.retry([id, 'abc'])).rejects.toThrow(
    'looks like 1795251095809-0; got "abc"',
  );
  await expect(client.deadLetters.retry([id.replace(/-.*/, '')])).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
  expect((await client.verify()).ok).toBe(true);
  await expect(client.deadLetters.purge({ through: 'abc' })).rejects.toMatchObject({ code: 'NOT_FOUND' });

  shop.refuses = false;
  expect(await client.deadLetters.retry([id, id, '1-1'])).toEqual([id]);
  await settled(2, 2);
  const sent: [number, number][] = [];
  expect(await client.deadLetters.retryAll((...progress) => sent.push(progress))).toBe(2);
  expect(sent).toEqual([[2, 2]]);
  await settled(4, 0);
});

test('a client deletes the dead letters that were there when it counted them', async () => {
  const { client, publish, settled } = await setUp();
  expect(await client.deadLetters.count()).toEqual({ count: 0, halted: 0, newest: '' });
  expect(await client.deadLetters.purge()).toBe(0);
  await publish(['a', 'b'], true);
  await settled(0, 2);
  const { count, newest } = await client.deadLetters.count();
  expect(count).toBe(2);
  await publish(['c'], true);
  await settled(0, 3);
  expect(await client.deadLetters.purge({ through: newest })).toBe(2);
  expect((await client.deadLetters.list()).map(({ message }) => message)).toEqual([
    expect.stringContaining('"c"'),
  ]);
});

test('a client verifies the group against ledgers given as paths or URLs', async () => {
  const { client, publish, settled } = await setUp();
  const folder = await emptyFolder();
  const [one, two] = [join(folder, 'one.txt'), join(folder, 'two.txt')];
  writeFileSync(one, 'a\n');
  writeFileSync(two, 'b\nmissing\n');
  await publish(['a', 'b'], false);
  await settled(2, 0);
  expect(await client.verify()).toMatchObject({ ok: true, processed: 2, lost: 0 });
  const ledgers = [one, pathToFileURL(two)];
  expect(await client.verify({ ledgers })).toMatchObject({
    ok: false,
    lost: 1,
    examples: { lost: ['missing'] },
  });
});

test('a client that is disposed of has closed its connection', async () => {
  const space = redis.namespace();
  let used: GroupClient;
  {
    await using client = await GroupClient.connect(space);
    used = client;
    expect((await client.status()).backlog).toBe(0);
  }
  await expect(used.status()).rejects.toMatchObject({ code: 'REDIS_UNREACHABLE' });
});

test('a group that is disposed of has stopped', async () => {
  const { group, listed } = makeGroup(redis.namespace(), {});
  {
    await using running = group;
    await running.start();
    expect(await listed()).toHaveLength(2);
  }
  expect(await listed()).toEqual([]);
});
