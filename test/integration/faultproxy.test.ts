import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { type FaultProxy, startProxy } from '../helpers/faultproxy.js';
import { withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const shared = withRedis();

async function proxy(target = shared.server.port): Promise<FaultProxy> {
  const started = await startProxy(target);
  onTestFinished(() => started.stop());
  return started;
}

/** A bare connection that keeps what it receives and how it ended. */
async function open(port: number) {
  const socket: Socket = connect({ port, host: '127.0.0.1' });
  const seen = { text: '', error: '', closed: false };
  socket.on('data', (chunk) => {
    seen.text += String(chunk);
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    seen.error = error.code ?? '';
  });
  socket.on('close', () => {
    seen.closed = true;
  });
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return {
    seen,
    send: (text: string) => socket.write(text),
    receive: (text: string) => until(() => seen.text.includes(text), { what: `the answer ${text}` }),
  };
}

/** A client of the server itself, without the proxy. */
function direct(): Redis {
  const redis = new Redis(shared.url);
  onTestFinished(() => redis.disconnect());
  return redis;
}

/** Waits long enough for a reply that must not come. */
const aWhile = () => sleep(100);

test('forwards more than fits into any buffer', async () => {
  const { url } = await proxy();
  const redis = new Redis(url);
  onTestFinished(() => redis.disconnect());
  const large = 'x'.repeat(20_000_000);
  await redis.set('large', large);
  expect((await redis.get('large')) === large).toBe(true);
});

test('cut resets the connections, and new ones go through', async () => {
  const { port, cut } = await proxy();
  const first = await open(port);
  first.send('PING\r\n');
  await first.receive('PONG');
  cut();
  await until(() => first.seen.closed);
  expect(first.seen.error).toBe('ECONNRESET');

  const second = await open(port);
  second.send('PING\r\n');
  await second.receive('PONG');
});

test('half-open: nothing passes and nothing closes, until new connections after heal', async () => {
  const { port, halfOpen, heal, cut } = await proxy();
  const old = await open(port);
  old.send('PING\r\n');
  await old.receive('PONG');
  halfOpen();
  old.send('SET half-open old\r\n');
  const during = await open(port);
  during.send('SET half-open during\r\n');
  await aWhile();
  heal();
  const healed = await open(port);
  healed.send('PING\r\n');
  await healed.receive('PONG');

  await aWhile();
  expect(await direct().get('half-open')).toBeNull();
  expect(old.seen).toEqual({ text: '+PONG\r\n', error: '', closed: false });
  expect(during.seen).toEqual({ text: '', error: '', closed: false });
  cut();
  await until(() => old.seen.closed && during.seen.closed);
  expect([old.seen.error, during.seen.error]).toEqual(['ECONNRESET', 'ECONNRESET']);
});

test('swallowed replies: the command runs, its reply never comes', async () => {
  const { port, swallowReplies, heal } = await proxy();
  const old = await open(port);
  old.send('PING\r\n');
  await old.receive('PONG');
  swallowReplies();
  old.send('INCR swallowed\r\n');
  const during = await open(port);
  during.send('INCR swallowed\r\n');
  const redis = direct();
  await until(async () => (await redis.get('swallowed')) === '2');
  heal();
  old.send('INCR swallowed\r\n');
  await until(async () => (await redis.get('swallowed')) === '3');
  await aWhile();
  expect(old.seen.text).toBe('+PONG\r\n');
  expect(during.seen.text).toBe('');
});

test('a connection that one side ends is ended on the other', async () => {
  const { port } = await proxy();
  const { seen, send } = await open(port);
  send('QUIT\r\n');
  await until(() => seen.closed);
  expect(seen).toEqual({ text: '+OK\r\n', error: '', closed: true });
});

test('resets connections if the server is away', async () => {
  const { port } = await proxy(1);
  const { seen } = await open(port);
  await until(() => seen.closed);
  expect(seen.error).toBe('ECONNRESET');
});

test('stop leaves no connection and no port', async () => {
  const { port, stop } = await startProxy(shared.server.port);
  const { seen } = await open(port);
  await stop();
  await until(() => seen.closed);
  await expect(open(port)).rejects.toThrow('ECONNREFUSED');
});

test('each namespace has names of its own', () => {
  const [one, two] = [shared.namespace(), shared.namespace()];
  expect(one.redis).toBe(shared.url);
  for (const name of ['channel', 'output', 'consumerList'] as const) expect(one[name]).not.toBe(two[name]);
});
