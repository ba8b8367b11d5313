import { expect, test } from 'vitest';
import { compareIds } from '../../src/core/stream-id.js';
import { groupOn } from '../helpers/group.js';
import { withRedis } from '../helpers/redis.js';

const redis = withRedis();

test('messages of one key leave in their order, from several consumers', { timeout: 60_000 }, async () => {
  const group = await groupOn(redis.url);
  await group.start(['--order', 'key', '--order-key', 'customer.id', '--size', '4']);
  const count = 3_000;
  for (let first = 0; first < count; first += 500) {
    const pipeline = group.raw.pipeline();
    for (let i = first; i < first + 500; i++)
      pipeline.publish(
        group.space.channel,
        JSON.stringify({ message_id: i, customer: { id: [1, 'a', true, 1, 'b'][i % 5] } }),
      );
    await pipeline.exec();
  }
  await group.settled(count, 30_000);
  const outputs = await group.outputs();
  expect(outputs).toHaveLength(count);
  const last = new Map<string, { id: number; inbox: string }>();
  for (const { data, inboxId } of outputs) {
    const key = JSON.stringify((data.customer as { id: unknown }).id);
    const id = Number(data.message_id);
    const before = last.get(key);
    if (before) expect([before.id < id, compareIds(before.inbox, inboxId) < 0]).toEqual([true, true]);
    last.set(key, { id, inbox: inboxId });
  }
  expect([...last.keys()].sort()).toEqual(['"a"', '"b"', '1', 'true']);
  expect(await group.raw.hlen(group.keys.busy)).toBe(0);
  expect(await group.raw.zcard(group.keys.held)).toBe(0);
});
