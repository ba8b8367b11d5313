import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { Informants } from '../../src/redis/protocol/informants.js';
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
