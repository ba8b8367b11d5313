import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { Informants, majorityOf } from '../../src/redis/protocol/informants.js';
import { freshRedis } from '../helpers/redis.js';

const PASSWORD = ['--requirepass', 'secret'];

function informantsAt(ports: readonly number[], user = '') {
  const informants = new Informants({
    named: ports.map((port) => ({ host: '127.0.0.1', port })),
    tls: undefined,
    family: 0,
    credentials: { user, password: 'secret' },
  });
  onTestFinished(() => informants.close());
  return informants;
}

async function portOf(args: string[] = []): Promise<number> {
  return Number(new URL((await freshRedis(args)).url).port);
}

function clientOf(port: number): Redis {
  const client = new Redis(port, '127.0.0.1');
  onTestFinished(() => client.disconnect());
  return client;
}

const whoAmI = async (redis: Redis) => redis.call('ACL', 'WHOAMI');

test('each server that asks for the password gets it, at the first look', async () => {
  const ports = await Promise.all([1, 2, 3].map(() => portOf(PASSWORD)));
  const heard: number[] = [];
  await informantsAt(ports).ask(async (redis, { port }) => {
    await redis.ping();
    heard.push(port);
  });
  await expect.poll(() => heard.sort()).toEqual(ports.sort());
});

test('one who may do nothing without a password has to log in', async () => {
  const port = await portOf();
  const admin = clientOf(port);
  await admin.call('ACL', 'SETUSER', 'app', 'on', '>secret', '+@all', '~*');
  await admin.call('ACL', 'SETUSER', 'default', '-@all', '+ping');
  expect(await informantsAt([port], 'app').ask(whoAmI)).toEqual(['app']);
});

test('a server that asks for no password does not get it', async () => {
  const ports = [await portOf(PASSWORD), await portOf()];
  const informants = informantsAt(ports);
  for (let i = 0; i < 3; i++) await informants.ask(whoAmI);
  expect(await clientOf(ports[1] as number).info('commandstats')).not.toMatch(/cmdstat_auth:/);
});

test('most of those that are asked are enough: one that is stopped is not waited for, and two of three are', async () => {
  const servers = await Promise.all([1, 2, 3].map(() => freshRedis()));
  const ports = servers.map(({ port }) => port);
  const informants = informantsAt(ports);
  const portOfEach = async (_redis: Redis, { port }: { port: number }) => {
    await _redis.ping();
    return port;
  };
  process.kill((servers[0] as { pid: number }).pid, 'SIGSTOP');
  expect((await informants.ask(portOfEach)).sort()).toEqual(ports.slice(1).sort());
  expect(await informants.survey(portOfEach)).toMatchObject({
    answers: expect.arrayContaining(ports.slice(1)),
    failures: [expect.any(Error)],
  });
});

test('those that an answer names are asked, too, and forgotten when no answer names them any more', async () => {
  const [named, learned] = [await portOf(), await portOf()];
  const informants = informantsAt([named]);
  const heard = async () => (await informants.survey(async (_redis, { port }) => port)).answers.sort();
  expect(await heard()).toEqual([named]);
  informants.learn([{ host: '127.0.0.1', port: learned }]);
  expect(await heard()).toEqual([named, learned].sort());
  informants.learn([]);
  expect(await heard()).toEqual([named]);
});

test.each([
  [1, 1],
  [2, 2],
  [3, 2],
  [4, 3],
  [7, 4],
])('most of %d are %d', (count, most) => {
  expect(majorityOf(count)).toBe(most);
});
