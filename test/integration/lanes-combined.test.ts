import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import type { Message } from '../../src/core/message.js';
import { ConsumerGroup, type GroupOptions } from '../../src/group/consumer-group.js';
import { GroupClient } from '../../src/observe/client.js';
import { OutputTail } from '../../src/observe/peek.js';
import { cgroup } from '../helpers/cli.js';
import { withCluster } from '../helpers/cluster.js';
import { isRedis6, namespaceOn } from '../helpers/redis.js';
import { flagsOf } from '../helpers/running.js';
import { until } from '../helpers/until.js';

const cluster = withCluster({ replicas: 0 });
const folder = mkdtempSync(join(tmpdir(), 'cgroup-lanes-combined-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Two processes with three lanes, a client, and a ledger of all messages of 0 to `count`. */
async function groupWith(count: number, options: GroupOptions) {
  const space = { ...namespaceOn(cluster().urls[0] as string), lanes: 3 };
  for (let i = 0; i < 2; i++) {
    const group = new ConsumerGroup({ ...space, size: 2, ...options });
    onTestFinished(() => group.stop());
    await group.start();
  }
  const client = await GroupClient.connect(space);
  onTestFinished(() => client.close());
  const publisher = new Redis((await cluster().nodeOf(space.channel)).url);
  onTestFinished(() => publisher.disconnect());
  const ledger = join(folder, `${space.output}.txt`);
  writeFileSync(ledger, Array.from({ length: count }, (_, i) => `${i}\n`).join(''));
  const publish = async (keys: number) => {
    const command = options.sharded ? 'SPUBLISH' : 'PUBLISH';
    for (let i = 0; i < count; i++)
      await publisher.call(command, space.channel, JSON.stringify({ message_id: `${i}`, k: i % keys }));
  };
  const processed = async () => (await client.status()).counters.processed;
  return { space, client, publish, processed, verify: () => client.verify({ ledgers: [ledger] }) };
}

/** How many results each lane has. */
async function spreadOf(client: GroupClient): Promise<number[]> {
  return (await client.status()).lanes?.map((lane) => lane.processed ?? 0) ?? [];
}

test.skipIf(isRedis6)('lanes with a sharded channel: each message has one result, in some lane', async () => {
  const { client, publish, processed, verify } = await groupWith(400, { sharded: true });
  await publish(1);
  await until(async () => (await processed()) === 400, { what: 'all results' });
  expect(await verify()).toMatchObject({ ok: true, relayed: 400, ledger: 400, lost: 0, doubled: 0, gaps: 0 });
  expect(Math.min(...(await spreadOf(client)))).toBeGreaterThan(0);
});

test('lanes whose outputs are lists: verified together, and what others take counts as taken', async () => {
  const { space, client, publish, processed, verify } = await groupWith(400, { outputType: 'list' });
  await publish(1);
  await until(async () => (await processed()) === 400, { what: 'all results' });
  expect(await verify()).toMatchObject({ ok: true, outputType: 'list', taken: 0, untraceable: 0, lost: 0 });
  expect(Math.min(...(await spreadOf(client)))).toBeGreaterThan(0);
  const found = await new OutputTail(client.inspector).newest(1_000);
  expect(new Set(found.map(({ messageId }) => messageId)).size).toBe(400);
  const output = `${space.output}:{1}`;
  const redis = new Redis((await cluster().nodeOf(output)).url);
  onTestFinished(() => redis.disconnect());
  expect(await redis.lpop(output, 5)).toHaveLength(5);
  expect(await verify()).toMatchObject({ ok: true, taken: 5, untraceable: 5, lost: 0 });
});

test('lanes with order by key that a dead letter halts: its key waits in its lane until it is skipped', async () => {
  const processor = (message: Message) => {
    if (Number(message.message_id) < 6) throw new Error('the first of its key');
    return message;
  };
  const order = { order: 'key', orderKey: 'k', onDead: 'halt' } as const;
  const { space, client, publish, processed, verify } = await groupWith(210, {
    ...{ ...order, maxAttempts: 1, processor },
  });
  await publish(21);
  // 15 keys go on, and of 6 all later messages wait.
  await until(async () => {
    const { counters, haltedCount, held } = await client.status();
    return counters.processed === 150 && haltedCount === 6 && held === 54;
  });
  const { halted, lanes } = await client.status();
  const [first] = halted;
  expect(new Set(halted.map(({ key }) => key)).size).toBe(6);
  expect(halted.every(({ deadId }) => /^\d+-\d+@[012]$/.test(deadId))).toBe(true);
  for (const [lane, one] of (lanes ?? []).entries())
    expect(one.deadLetters).toBe(halted.filter(({ deadId }) => deadId.endsWith(`@${lane}`)).length);
  const skip = cgroup(['dead', 'skip', first?.deadId as string, ...flagsOf(space), '--json']);
  expect((await skip.exit).code).toBe(0);
  expect(JSON.parse(skip.stdout())).toEqual({ skipped: 1 });
  await until(async () => (await processed()) === 159, { what: 'the results of one key' });
  expect((await client.status()).haltedCount).toBe(5);
  expect(await client.deadLetters.skipAll()).toBe(5);
  await until(async () => (await processed()) === 204, { what: 'all other results' });
  expect(await verify()).toMatchObject({
    ok: true,
    order: 'key',
    outOfOrder: 0,
    dead: 6,
    lost: 0,
    doubled: 0,
  });
  expect(await client.status()).toMatchObject({ haltedCount: 0, held: 0, backlog: 0 });
}, 60_000);
