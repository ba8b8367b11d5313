import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { ConsumerGroup } from '../../src/group/consumer-group.js';
import { cgroup } from '../helpers/cli.js';
import { freshRedis, namespaceOn } from '../helpers/redis.js';
import { flagsOf, logOf, settled, startGroup } from '../helpers/running.js';
import { until } from '../helpers/until.js';

async function masterAndReplica() {
  const master = await freshRedis(['--repl-diskless-sync-delay', '0']);
  const replica = await freshRedis(['--replicaof', `127.0.0.1 ${master.port}`]);
  const client = new Redis(master.url);
  const copy = new Redis(replica.url, { retryStrategy: () => null });
  copy.on('error', () => {});
  onTestFinished(() => {
    client.disconnect();
    copy.disconnect();
  });
  await until(async () => /state=online/.test(await client.info('replication')), { what: 'the replica' });
  return { master, client, copy };
}

test('a result that the group reports as settled is on the replica', async () => {
  const { master, client, copy } = await masterAndReplica();
  const space = namespaceOn(master.url);
  const group = new ConsumerGroup({
    ...space,
    size: 2,
    minReplicas: 1,
    processor: async (message) => message,
  });
  onTestFinished(() => group.stop());
  const missing: number[] = [];
  let reported = 0;
  let checking = Promise.resolve();
  group.on('settled', ({ processed }) => {
    reported += processed;
    const expected = reported;
    checking = checking.then(async () => {
      const there = await copy.xlen(space.output);
      if (there < expected) missing.push(expected - there);
    });
  });
  await group.start();
  for (let i = 0; i < 500; i++) await client.publish(space.channel, JSON.stringify({ message_id: i }));
  await until(() => settled(client, space, 500), { what: 'the results' });
  await until(() => reported === 500, { what: 'the reports' });
  await checking;
  expect(missing).toEqual([]);
});

test('without its replica nothing counts as settled, and the log and the doctor say so', async () => {
  const { master, client, copy } = await masterAndReplica();
  const space = namespaceOn(master.url);
  const group = await startGroup(space, ['--size', '1', '--min-replicas', '1']);
  await client.publish(space.channel, '{"message_id":1}');
  await until(() => settled(client, space, 1), { what: 'the first result' });

  await copy.call('REPLICAOF', 'NO', 'ONE');
  await client.publish(space.channel, '{"message_id":2}');
  await group.line(/replicas are missing \(minReplicas\): messages and results wait for them/);
  const doctor = cgroup(['doctor', ...flagsOf(space), '--min-replicas', '1']);
  expect((await doctor.exit).code).toBe(1);
  expect(doctor.stdout()).toMatch(/FAIL +replicas +the master has 0 replicas, and minReplicas asks for 1/);

  await copy.call('REPLICAOF', '127.0.0.1', master.port);
  await group.line(/over after [\d.]+ s: replicas are missing/);
  await until(() => settled(client, space, 2), { what: 'the second result' });
  expect(await group.kill()).toEqual({ code: 0, signal: null });
  expect(logOf(group, 50)).toEqual([]);
});

test.each(['channel', 'list'] as const)(
  'a group starts without its replica, and takes from a %s when it has come',
  async (kind) => {
    const master = await freshRedis(['--repl-diskless-sync-delay', '0']);
    const client = new Redis(master.url);
    onTestFinished(() => client.disconnect());
    const space = namespaceOn(master.url);
    const source = kind === 'list' ? ['--list', 'orders'] : ['--channel', space.channel];
    const names = ['--redis', master.url, '--output', space.output, '--consumer-list', space.consumerList];
    const group = cgroup(['start', '--size', '1', '--min-replicas', '1', ...source, ...names]);
    await group.line(/ready: /);
    if (kind === 'list') await client.rpush('orders', '{"message_id":1}');
    else await client.publish(space.channel, '{"message_id":1}');
    await group.line(/replicas are missing \(minReplicas\): messages and results wait for them/);
    await freshRedis(['--replicaof', `127.0.0.1 ${master.port}`]);
    await until(() => settled(client, space, 1), { what: 'the result' });
    expect(await group.kill()).toEqual({ code: 0, signal: null });
  },
);
