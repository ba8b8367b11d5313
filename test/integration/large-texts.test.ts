import { expect, onTestFinished, test } from 'vitest';
import type { DeadLetter } from '../../src/core/consumer-store.js';
import { listenTo } from '../../src/core/subscriber.js';
import { silentLogger } from '../../src/log/logger.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { publishBatch } from '../../src/redis/scripts/group.js';
import { packed } from '../helpers/packed.js';
import { withRedis } from '../helpers/redis.js';
import { openStores } from '../helpers/stores.js';
import { until } from '../helpers/until.js';

// Large texts travel apart from the list that they belong to: each must come to its place, whole.

const redis = withRedis();

/** Texts of about the size from which they travel apart, shorter ones and longer ones. */
const TEXTS = [
  'one',
  'a'.repeat(65_536),
  'b'.repeat(65_537),
  '',
  'é'.repeat(32_769),
  '語'.repeat(900_000),
  'c'.repeat(65_535),
  '\0'.repeat(1_000_001),
  'two',
  'd'.repeat(1_000_000),
];
/** As bytes; some are no UTF-8. */
const BYTES = TEXTS.map((text, i) => {
  return i % 2 === 0 ? Buffer.concat([Buffer.from([0xff, 0, 0xc3]), Buffer.from(text)]) : Buffer.from(text);
});

/** Compares the texts without printing megabytes. */
function expectSame(found: readonly (Buffer | undefined)[], expected: readonly Buffer[]): void {
  expect(found.map((one) => one?.length)).toEqual(expected.map(({ length }) => length));
  expect(found.map((one, i) => expected[i]?.equals(one ?? Buffer.alloc(0)))).toEqual(found.map(() => true));
}

/** Stores of which consumer `a` holds an entry per text. */
async function holding() {
  const stores = await openStores(redis.namespace());
  const ids = await stores.relay(...TEXTS.map((_, i) => `${i}`));
  await stores.read('a');
  const values = async (stream: string, name: string) =>
    (await stores.raw.xrangeBuffer(stream, '-', '+')).map(([, flat]) => {
      return flat[flat.findIndex((value, i) => i % 2 === 0 && String(value) === name) + 1];
    });
  return { ...stores, ids, values };
}

const deadLetterOf = (inboxId: string, message: Buffer, error: string): DeadLetter => {
  return {
    entryId: inboxId,
    inboxId,
    consumerId: 'a',
    message,
    reason: 'failed',
    error,
    attempts: 3,
    failed: true,
  };
};

test('a relay writes large and small messages in their order', async () => {
  const { raw, keys, bridgeStore, values } = await holding();
  await raw.del(keys.inbox, keys.bridge);
  await bridgeStore.take('a', 0, 0);
  const batch = { caller: 'a', token: 1, from: undefined, to: { epoch: 1, offset: BYTES.length } };
  expect(await bridgeStore.relay({ ...batch, messages: packed(BYTES), packSize: 1 })).toEqual({
    kind: 'written',
  });
  expectSame(await values(keys.inbox, 'message'), BYTES);
});

test('a commit writes large and small results with their message ids', async () => {
  const { ids, keys, consumerStore, values } = await holding();
  const results = ids.map((inboxId, i) => {
    const messageId = i === 3 ? 'm'.repeat(70_000) : `m-${i}`;
    return { entryId: inboxId, inboxId, consumerId: i < 4 ? 'a' : 'b', messageId, data: TEXTS[i] as string };
  });
  expect(await consumerStore.commit(results, 0)).toEqual([]);
  expectSame(
    await values(keys.output, 'data'),
    TEXTS.map((text) => Buffer.from(text)),
  );
  expectSame(
    await values(keys.output, 'message_id'),
    results.map(({ messageId }) => Buffer.from(messageId)),
  );
});

test('a bury keeps large and small messages with their errors, and they come back as they were', async () => {
  const { ids, keys, consumerStore, inspector, read, values } = await holding();
  const letters = ids.map((id, i) =>
    deadLetterOf(id, BYTES[i] as Buffer, i === 2 ? 'e'.repeat(70_000) : `e-${i}`),
  );
  expect(await consumerStore.bury(letters, 0)).toMatchObject({ kept: TEXTS.length, late: [] });
  expectSame(await values(keys.dead, 'message'), BYTES);
  expectSame(
    await values(keys.dead, 'error'),
    letters.map(({ error }) => Buffer.from(error)),
  );
  const kept: string[] = [];
  for await (const { id } of inspector.deadLetters()) kept.push(id);
  expect(await inspector.revive(kept)).toEqual(kept);
  const again = await read('a');
  expectSame(
    again.map(({ message }) => Buffer.from(message)),
    BYTES,
  );
});

test('letters of more than a megabyte go back one in a call', async () => {
  const { ids, consumerStore, inspector } = await holding();
  const sizes = [1_100_000, 10, 20, 1_200_000, 1_300_000, 10];
  await consumerStore.bury(
    sizes.map((size, i) => deadLetterOf(ids[i] as string, Buffer.alloc(size, 'x'), 'broken')),
    0,
  );
  const kept: string[] = [];
  for await (const { id } of inspector.deadLetters()) kept.push(id);
  const found: number[] = [];
  expect(await inspector.revive([...kept, '1-1'], (count) => found.push(count))).toEqual(kept);
  expect(found).toEqual([1, 4, 5, 6]);
});

test('large and small messages are published in their order', async () => {
  const space = redis.namespace();
  const [publisher, subscriber] = [1, 2].map(() => new Connection(space.redis, 'test', silentLogger)) as [
    Connection,
    Connection,
  ];
  onTestFinished(() => {
    publisher.close();
    subscriber.close();
  });
  const heard: Buffer[] = [];
  await publisher.connect();
  await subscriber.connect();
  await listenTo(
    subscriber,
    space.channel,
    (message) => heard.push(Buffer.from(message)),
    () => {},
  );
  await publisher.run(publishBatch, {}, { channel: space.channel, own: 0, messages: TEXTS });
  await until(() => heard.length === TEXTS.length);
  expectSame(
    heard,
    TEXTS.map((text) => Buffer.from(text)),
  );
});

test('a reading says where the output ends only if it is asked', async () => {
  const { ids, raw, keys, consumerStore, inspector } = await holding();
  expect((await inspector.readWithEnd()).lastOutput).toBe('');
  await consumerStore.commit(
    [{ entryId: ids[0] as string, inboxId: ids[0] as string, consumerId: 'a', messageId: 'm', data: '{}' }],
    0,
  );
  const [[last] = []] = await raw.xrevrange(keys.output, '+', '-', 'COUNT', 1);
  expect((await inspector.readWithEnd()).lastOutput).toBe(last);
  expect(await inspector.read()).toMatchObject({ outputLength: 1, lastDead: '' });
});
