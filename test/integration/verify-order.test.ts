import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isPackId } from '../../src/core/pack.js';
import { GroupClient } from '../../src/observe/client.js';
import { groupOn } from '../helpers/group.js';
import { withRedis } from '../helpers/redis.js';
import { openStores } from '../helpers/stores.js';
import { until } from '../helpers/until.js';

const redis = withRedis();

const sinceOf = async (stores: Awaited<ReturnType<typeof openStores>>) =>
  Number(await stores.raw.hget(stores.keys.bridge, 'orderSince'));

test('the group knows when it got its order', async () => {
  const space = redis.namespace();
  const began = Date.now();
  const first = await openStores(space, { outputType: 'stream', order: 'key', orderKey: 'k' });
  const since = await sinceOf(first);
  expect(Math.abs(since - began)).toBeLessThan(60_000);
  expect((await first.inspector.read()).orderSince).toBe(since);
  await until(async () => Number((await first.raw.time())[0]) * 1_000 > since);
  // A restart with the same order, or a group that was destroyed, changes nothing of that.
  await first.raw.xgroup('DESTROY', first.keys.inbox, 'cgroup');
  await first.consumerStore.prepare();
  expect(await sinceOf(first)).toBe(since);
  const other = await openStores(space, { outputType: 'stream', order: 'key', orderKey: 'other' });
  const later = await sinceOf(other);
  expect(later).toBeGreaterThan(since);
  await openStores(space, { outputType: 'stream', order: 'total' });
  expect(await sinceOf(other)).toBeGreaterThanOrEqual(later);
});

test.each([
  ['total', ['--order', 'total']],
  ['key', ['--order', 'key', '--order-key', 'k']],
] as const)(
  'order %s: messages that waited in packs before there was an order are not out of order',
  {
    timeout: 60_000,
  },
  async (_order, flags) => {
    const group = await groupOn(redis.url);
    const publish = async (from: number, count: number) => {
      const pipeline = group.raw.pipeline();
      for (let n = from; n < from + count; n++)
        pipeline.publish(group.space.channel, JSON.stringify({ message_id: `m${n}`, k: n % 3 }));
      await pipeline.exec();
    };
    const before = await group.start(['--bridge', 'only']);
    await publish(0, 2_000);
    await until(async () => (await group.read()).counters.relayed === 2_000);
    expect(await group.raw.xlen(group.keys.packs)).toBeGreaterThan(0);
    await before.kill();
    const run = await group.start([...flags, '--size', '3']);
    await publish(2_000, 1_000);
    await group.settled(3_000, 30_000);
    const outputs = await group.outputs();
    expect(outputs.filter(({ inboxId }) => isPackId(inboxId)).length).toBeGreaterThan(0);
    await using client = await GroupClient.connect(group.space);
    expect(await client.verify()).toMatchObject({ ok: true, outOfOrder: 0, processed: 3_000 });
    await run.kill();
  },
);

test.each([
  ['total', 'parked', ['--order', 'total', '--on-dead', 'halt', '--max-attempts', '1']],
  ['key', 'held', ['--order', 'key', '--order-key', 'k', '--simulate-ms', '300']],
] as const)(
  'order %s: what is %s is not lost, as a ledger shows',
  { timeout: 60_000 },
  async (order, where, flags) => {
    const group = await groupOn(redis.url);
    const run = await group.start([...flags]);
    const ids = Array.from({ length: 40 }, (_, n) => `m${n}`);
    const ledger = join(mkdtempSync(join(tmpdir(), 'verify-order-')), 'ledger');
    writeFileSync(ledger, `${ids.join('\n')}\n`);
    // In total order, a dead letter stops the results behind it.
    const message = (id: string) => JSON.stringify({ message_id: id, k: 1 });
    if (order === 'total') await group.raw.publish(group.space.channel, 'no JSON');
    for (const id of ids) await group.raw.publish(group.space.channel, message(id));
    await until(async () => (await group.read())[where] > (order === 'total' ? 39 : 20));
    await using client = await GroupClient.connect(group.space);
    const result = await client.verify({ ledgers: [ledger] });
    expect(result).toMatchObject({ ok: true, lost: 0, doubled: 0 });
    expect(result.backlog + result.parked + result.processed).toBe(40);
    await run.kill('SIGKILL');
  },
);
