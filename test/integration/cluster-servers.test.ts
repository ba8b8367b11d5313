import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { type RedisNode, startCluster } from '../helpers/cluster.js';
import { until } from '../helpers/until.js';

/** What a command is answered, an error as its text. */
async function answer({ url }: RedisNode, ...[command, ...args]: [string, ...(string | number)[]]) {
  const client = new Redis(url, { lazyConnect: true, enableReadyCheck: false, retryStrategy: () => null });
  client.on('error', () => {});
  onTestFinished(() => client.disconnect());
  await client.connect();
  return client.call(command, ...args).catch((error: Error) => error.message);
}

test('a slot belongs to one master, and its replica follows when that is killed', async () => {
  const cluster = await startCluster();
  expect(cluster.urls).toHaveLength(6);
  const [masters, replicas] = [await cluster.masters(), await cluster.replicas()];
  expect([masters.length, replicas.length, new Set([...masters, ...replicas]).size]).toEqual([3, 3, 6]);

  const [master, slot] = [await cluster.nodeOf('one'), await cluster.slotOf('one')];
  expect(await answer(master, 'SET', 'one', '1')).toBe('OK');
  const another = masters.find((node) => node !== master) as RedisNode;
  expect(await answer(another, 'GET', 'one')).toBe(`MOVED ${slot} ${master.address}`);

  const [replica] = (await cluster.replicas(master)) as [RedisNode];
  await until(async () => (await master.call('WAIT', 1, 1_000)) === 1);
  await cluster.kill(master);
  expect(await cluster.nodeOf('one')).toBe(replica);
  await cluster.settled();
  expect(await answer(replica, 'GET', 'one')).toBe('1');
  // It comes back as a replica: the others tell it.
  await cluster.restart(master);
  await until(async () => (await cluster.replicas(replica)).includes(master));
});

test('a stopped master is replaced, and is a replica when it goes on', async () => {
  const cluster = await startCluster();
  const master = await cluster.nodeOf('one');
  cluster.stop(master);
  const next = await cluster.nodeOf('one');
  expect(next).not.toBe(master);
  cluster.continue(master);
  await until(async () => (await cluster.replicas(next)).includes(master));
  await cluster.settled();
  // Back, by command.
  await cluster.failover(master);
  expect(await cluster.nodeOf('one')).toBe(master);
});

test('while a slot moves, the source answers ASK for what it does not have', async () => {
  const cluster = await startCluster({ replicas: 0, password: 'secret' });
  const source = await cluster.nodeOf('{tag}');
  const target = (await cluster.masters()).find((node) => node !== source) as RedisNode;
  const slot = await cluster.slotOf('{tag}');
  const keys = Array.from({ length: 300 }, (_, i) => `{tag}:${i}`);
  for (const key of keys) await answer(source, 'SET', key, key);

  const seen: [string, number][] = [];
  await cluster.moveSlot(slot, target, {
    hold: async (stage) => {
      seen.push([stage, Number(await target.call('CLUSTER', 'COUNTKEYSINSLOT', slot))]);
      expect(await answer(source, 'GET', '{tag}:none')).toBe(`ASK ${slot} ${target.address}`);
      expect(await answer(target, 'GET', '{tag}:none')).toBe(`MOVED ${slot} ${source.address}`);
      // Redis 6.2 asks for the other node, which then answers TRYAGAIN.
      if (stage === 'half') expect(await answer(source, 'MGET', ...keys)).toMatch(/^(TRYAGAIN|ASK) /);
    },
  });
  expect(seen).toEqual([
    ['begun', 0],
    ['half', 150],
    ['moved', 300],
  ]);
  expect(await cluster.nodeOf('{tag}')).toBe(target);
  expect(await answer(target, 'MGET', ...keys)).toEqual(keys);
  expect(await answer(source, 'GET', '{tag}:0')).toBe(`MOVED ${slot} ${target.address}`);
});
