import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { startSentinels } from '../helpers/sentinel.js';
import { until } from '../helpers/until.js';

test('when the master is killed, the Sentinels that are left name another one', async () => {
  const servers = await startSentinels({ password: 'secret', sentinelPassword: 'other' });
  const addresses = servers.sentinels.map(({ address }) => address).join(',');
  expect(servers.url).toBe(`redis-sentinel://:other@${addresses}/0#mymaster`);
  const master = await servers.master();
  expect(await servers.replicas()).toHaveLength(2);
  await master.call('SET', 'key', 'value');
  expect(await master.call('WAIT', 2, 1_000)).toBe(2);

  await servers.killSentinel(0);
  await servers.kill(master);
  const next = await servers.masterOtherThan(master);
  expect(await next.call('GET', 'key')).toBe('value');
  expect(await next.call('SET', 'key', 'more')).toBe('OK');

  // A client of another library finds it too.
  const client = new Redis({
    sentinels: servers.sentinels.map(({ port }) => ({ host: '127.0.0.1', port })),
    name: 'mymaster',
    password: 'secret',
    sentinelPassword: 'other',
  });
  onTestFinished(() => client.disconnect());
  expect(await client.get('key')).toBe('more');

  await servers.restart(master);
  await until(async () => /role:slave/.test(await master.call('INFO', 'replication')), { timeout: 30_000 });
});

test('a stopped master is replaced, and is a replica when it goes on; a command replaces it, too', async () => {
  const servers = await startSentinels({ replicas: 1 });
  const master = await servers.master();
  servers.stop(master);
  const next = await servers.masterOtherThan(master);
  servers.continue(master);
  await until(async () => /role:slave/.test(await master.call('INFO', 'replication')), { timeout: 30_000 });
  await servers.settled();
  expect(await servers.failover()).toBe(master);
  await until(async () => /role:slave/.test(await next.call('INFO', 'replication')), { timeout: 30_000 });
});
