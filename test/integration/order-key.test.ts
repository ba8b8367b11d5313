import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compareIds } from '../../src/core/stream-id.js';
import { cgroup } from '../helpers/cli.js';
import { groupOn, type TestGroup } from '../helpers/group.js';
import { withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();

const ORDER = ['--order', 'key', '--order-key', 'customer.id'];

/** A module of a processor that waits, and that fails messages with `fails` so many times. */
function processorFile(ms: number): string {
  const file = join(mkdtempSync(join(tmpdir(), 'order-key-')), 'processor.mjs');
  writeFileSync(
    file,
    `const tries = new Map();
    export default async (message) => {
      await new Promise((resolve) => setTimeout(resolve, ${ms}));
      const made = (tries.get(message.message_id) ?? 0) + 1;
      tries.set(message.message_id, made);
      if (made <= (message.fails ?? 0)) throw new Error('not yet');
      return message;
    };`,
  );
  return file;
}

/** Publishes messages with these keys; their ids are numbers from 0. */
async function publish(
  group: TestGroup,
  keys: readonly unknown[],
  more: (id: number) => object = () => ({}),
): Promise<void> {
  for (let first = 0; first < keys.length; first += 500) {
    const pipeline = group.raw.pipeline();
    for (const [i, key] of keys.slice(first, first + 500).entries()) {
      const message = { message_id: first + i, customer: { id: key }, ...more(first + i) };
      pipeline.publish(group.space.channel, JSON.stringify(message));
    }
    await pipeline.exec();
  }
}

/** Each message left once, those of one key in their order, and nothing of the order is left behind. */
async function expectOrder(group: TestGroup, count: number): Promise<void> {
  const outputs = await group.outputs();
  expect(outputs.map(({ messageId }) => Number(messageId)).sort((a, b) => a - b)).toEqual(
    Array.from({ length: count }, (_, i) => i),
  );
  const last = new Map<string, { id: number; inboxId: string }>();
  for (const { data, inboxId } of outputs) {
    const key = JSON.stringify((data.customer as { id: unknown }).id);
    const id = Number(data.message_id);
    const before = last.get(key);
    if (before && (before.id > id || compareIds(before.inboxId, inboxId) >= 0))
      throw new Error(`${id} of ${key} left after ${before.id}: ${before.inboxId}, ${inboxId}`);
    last.set(key, { id, inboxId });
  }
  expect(await group.raw.hgetall(group.keys.busy)).toEqual({});
  expect(await group.raw.zcard(group.keys.held)).toBe(0);
}

test('messages of one key leave in their order, from several consumers', { timeout: 60_000 }, async () => {
  const group = await groupOn(redis.url);
  const run = await group.start([...ORDER, '--size', '4']);
  const keys = Array.from({ length: 3_000 }, (_, i) => [1, 'a', true, 1, 'b', 'é\0'][i % 6]);
  await publish(group, keys);
  await group.settled(keys.length, 30_000);
  await expectOrder(group, keys.length);
  await run.kill();
});

test('messages without a key have no order, and do not wait', { timeout: 60_000 }, async () => {
  const group = await groupOn(redis.url);
  const run = await group.start([...ORDER, '--size', '2', '--processor', processorFile(5)]);
  await publish(
    group,
    Array.from({ length: 20 }, (_, i) => [null, { a: 1 }, [1], undefined][i % 4]),
  );
  await group.settled(20, 30_000);
  expect(await group.outputs()).toHaveLength(20);
  await run.kill();
});

test('the order of a key survives a process that is killed, and one that is stopped for a while', {
  timeout: 120_000,
}, async () => {
  const group = await groupOn(redis.url);
  const flags = [...ORDER, '--size', '2', '--processor', processorFile(20)];
  const [killed, stopped, last] = await Promise.all([
    group.start(flags),
    group.start(flags),
    group.start(flags),
  ]);
  const keys = Array.from({ length: 200 }, (_, i) => i % 5);
  await publish(group, keys);
  const processed = (least: number) =>
    until(async () => (await group.read()).counters.processed >= least, { timeout: 30_000 });
  await processed(30);
  await killed.kill('SIGKILL');
  await processed(80);
  process.kill(stopped.pid, 'SIGSTOP');
  await processed(150);
  process.kill(stopped.pid, 'SIGCONT');
  await group.settled(200, 60_000);
  await expectOrder(group, 200);
  await Promise.all([stopped.kill(), last.kill()]);
});

test('a process that ends hands its messages over, in their order', { timeout: 120_000 }, async () => {
  const group = await groupOn(redis.url);
  const flags = [...ORDER, '--size', '2', '--processor', processorFile(2)];
  let run = await group.start(flags);
  const keys = Array.from({ length: 1_500 }, (_, i) => i % 3);
  await publish(group, keys);
  for (const least of [100, 400, 800]) {
    await until(async () => (await group.read()).counters.processed >= least, { timeout: 30_000 });
    const next = await group.start(flags);
    await run.kill();
    run = next;
  }
  await group.settled(1_500, 60_000);
  await expectOrder(group, 1_500);
  await run.kill();
});

test('a message that fails lets its key wait, and no other', { timeout: 60_000 }, async () => {
  const group = await groupOn(redis.url);
  const flags = ['--max-attempts', '4', '--backoff', '300ms', '--processor', processorFile(1)];
  const run = await group.start([...ORDER, ...flags, '--size', '2']);
  const keys = Array.from({ length: 300 }, (_, i) => i % 3);
  // Every message of key 0 with a number that ends with 0 fails twice.
  await publish(group, keys, (id) => (id % 30 === 0 ? { fails: 2 } : {}));
  await until(async () => {
    const done = (await group.outputs()).filter(({ data }) => (data.customer as { id: number }).id !== 0);
    return done.length === 200;
  });
  expect((await group.read()).held).toBeGreaterThan(0);
  await group.settled(300, 40_000);
  await expectOrder(group, 300);
  expect((await group.read()).counters).toMatchObject({ failed: 20, retried: 20 });
  await run.kill();
});

test('a key goes on after a dead letter', { timeout: 60_000 }, async () => {
  const group = await groupOn(redis.url);
  const flags = ['--max-attempts', '1', '--processor', processorFile(0)];
  const run = await group.start([...ORDER, ...flags, '--size', '2']);
  await publish(
    group,
    Array.from({ length: 100 }, () => 'one'),
    (id) => (id % 10 === 5 ? { fails: 9 } : {}),
  );
  const { counters } = await group.settled(100, 30_000);
  expect(counters).toMatchObject({ processed: 90, dead: 10 });
  expect(await group.raw.hgetall(group.keys.busy)).toEqual({});
  await run.kill();
});

test('a dead letter that is sent back comes after those of its key that are there', {
  timeout: 60_000,
}, async () => {
  const group = await groupOn(redis.url);
  const run = await group.start([...ORDER, '--max-attempts', '1', '--processor', processorFile(500)]);
  await publish(
    group,
    Array.from({ length: 10 }, () => 'a'),
    (id) => ({ fails: id === 0 ? 1 : 0 }),
  );
  await until(async () => (await group.raw.xlen(group.keys.dead)) === 1);
  expect(await cgroup(['dead', 'retry', '--all', ...group.flags]).exit).toMatchObject({ code: 0 });
  expect(await group.raw.zcard(group.keys.held)).toBeGreaterThan(0);
  await group.settled(10, 30_000);
  const ids = (await group.outputs()).map(({ messageId }) => Number(messageId));
  expect(ids).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 0]);
  expect(await group.raw.hgetall(group.keys.busy)).toEqual({});
  await run.kill('SIGTERM');
});

test('a key goes on whose message another program deleted', { timeout: 60_000 }, async () => {
  const group = await groupOn(redis.url);
  const run = await group.start([...ORDER, '--size', '1', '--processor', processorFile(60_000)]);
  await publish(group, ['a', 'a', 'a', 'b']);
  await until(async () => (await group.read()).held === 2);
  const { raw, keys } = group;
  await until(async () => (await raw.hlen(keys.busy)) === 2);
  const first = (await raw.hget(keys.busy, '"a"')) as string;
  await raw.xdel(keys.inbox, first);
  await until(async () => (await group.read()).held === 1 && (await raw.hget(keys.busy, '"a"')) !== first);
  await run.line(/another program deleted the message in work/, 20_000);
  expect((await group.read()).counters.freed).toBe(1);
  await run.kill('SIGKILL');
});

test('held messages go on if the group has another order', { timeout: 60_000 }, async () => {
  const group = await groupOn(redis.url);
  const run = await group.start([...ORDER, '--size', '1', '--processor', processorFile(60_000)]);
  await publish(
    group,
    Array.from({ length: 50 }, () => 'a'),
  );
  await until(async () => (await group.read()).held === 49);
  await run.kill('SIGKILL');
  // Until then the group counts as running, with its order.
  await until(async () => (await group.read()).bridges.length === 0);
  const next = await group.start(['--size', '1']);
  await group.settled(50, 30_000);
  expect((await group.outputs()).map(({ messageId }) => messageId)).toHaveLength(50);
  expect(await group.raw.exists(group.keys.busy, group.keys.held)).toBe(0);
  await next.kill();
});

test('the status names the hottest key, its message in work and who has it', {
  timeout: 60_000,
}, async () => {
  const group = await groupOn(redis.url);
  const run = await group.start([
    ...ORDER,
    '--size',
    '2',
    '--processor',
    processorFile(3_600_000),
    '--timeout',
    '5m',
  ]);
  await publish(group, ['b', ...Array.from({ length: 6 }, () => 'a')]);
  const status = async (...flags: string[]) => {
    const asked = cgroup(['status', ...group.flags, ...flags]);
    expect((await asked.exit).code).toBe(0);
    return asked.stdout();
  };
  const hot = await until(async () => {
    const { order } = JSON.parse(await status('--json'));
    expect(order).toMatchObject({ kind: 'key', stuck: null, head: null, window: null });
    return order.busy === 2 && order.hottest[0]?.consumerId ? order.hottest : undefined;
  });
  expect(hot).toEqual([
    {
      key: '"a"',
      held: 5,
      inboxId: expect.stringMatching(/^\d+-\d+$/),
      consumerId: expect.stringContaining(`-${run.pid}-`),
      attempt: 1,
      ageMs: expect.any(Number),
      halted: false,
    },
  ]);
  const text = await status();
  expect(text).toMatch(/^order +key: 2 keys busy$/m);
  expect(text).toMatch(/^"a" +5 +\d+-\d+ +\S+ +1 +\d+m?s$/m);
  await run.kill('SIGKILL');
});
