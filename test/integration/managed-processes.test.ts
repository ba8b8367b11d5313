import { expect, onTestFinished, test } from 'vitest';
import { GroupClient } from '../../src/index.js';
import { cgroup } from '../helpers/cli.js';
import { groupOn, type TestGroup } from '../helpers/group.js';
import { addressOf, SERVING } from '../helpers/http.js';
import { withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();

/** A group, a client, and its commands. */
async function setUp() {
  const group = await groupOn(redis.url);
  const client = await GroupClient.connect(group.space);
  onTestFinished(() => client.close());
  const command = async (...args: string[]) => {
    const run = cgroup([...args, ...group.flags]);
    const { code } = await run.exit;
    return { code, text: run.stdout() + run.stderr() };
  };
  return { group, client, command };
}

function startManaged(group: TestGroup, host: string, ...more: string[]) {
  return group.start(['--managed', '--capacity', '6', '--host', host, ...more]);
}

test('scale, drain and undrain move the consumers of real processes', { timeout: 60_000 }, async () => {
  const { group, client, command } = await setUp();
  const runs = [await startManaged(group, 'north'), await startManaged(group, 'south')];
  expect((await client.processes()).map(({ host, managed, capacity }) => [host, managed, capacity])).toEqual([
    ['north', true, 6],
    ['south', true, 6],
  ]);
  expect(await command('scale', '7', '--why', 'a test')).toMatchObject({
    code: 0,
    text: '7 consumers run in 2 processes on 2 hosts\n',
  });
  expect(await group.listed()).toHaveLength(7);
  await group.publish(300);
  await group.settled(300);

  expect((await command('scale', '5')).code).toBe(0);
  expect((await command('drain', 'north')).code).toBe(0);
  const running = async () => (await client.processes()).map(({ consumers }) => consumers);
  await until(async () => String(await running()) === '0,5', { what: 'five in the south' });
  expect(await command('scale', '9')).toMatchObject({
    code: 1,
    text: expect.stringContaining('wanted 9, capacity 6 on 1 host: start more processes or raise --capacity'),
  });
  // As soon as there is room, what is wanted runs.
  expect((await command('undrain', 'north')).code).toBe(0);
  await until(async () => (await client.status()).control.running === 9, { what: 'nine consumers' });
  await group.publish(300);
  await group.settled(600);
  for (const run of runs) await run.kill();
  expect(await client.processes()).toEqual([]);
});

test('a pause holds for fixed processes too: they stay ready, show it, and go on after it', {
  timeout: 60_000,
}, async () => {
  const { group, client, command } = await setUp();
  const managed = await startManaged(group, 'north');
  // Not ready if messages wait for longer than 6 s and none is settled.
  const fixed = await group.start(['--size', '2', '--timeout', '1s', ...SERVING]);
  const address = await addressOf(fixed);
  await group.bridgesInStep(2);
  expect((await command('pause', '--why', 'upgrade')).code).toBe(0);
  await until(async () => /paused/.test(fixed.stderr()) && /paused/.test(managed.stderr()));
  await group.publish(40);
  await until(async () => (await client.status()).waiting === 40, { what: '40 messages to wait' });
  const paused = performance.now();
  expect((await command('status')).text).toMatch(/^control .*PAUSED by \S+ since \S+: upgrade$/m);
  expect((await command('doctor')).text).toMatch(/^note +control +the group is paused, by /m);
  const served = async (path: string) => fetch(`${address}${path}`);
  await until(async () => /^cgroup_paused\{.*\} 1$/m.test(await (await served('/metrics')).text()));
  await until(() => performance.now() - paused > 7_000, {
    what: 'longer than an attempt may take',
    every: 500,
  });
  expect((await served('/readyz')).status).toBe(200);
  expect((await client.status()).counters).toMatchObject({ relayed: 40, processed: 0, failed: 0 });

  expect((await command('resume')).code).toBe(0);
  await group.settled(40);
  await Promise.all([managed.kill(), fixed.kill()]);
});
