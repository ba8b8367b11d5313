import { createServer, type Socket } from 'node:net';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { CgroupError } from '../../src/core/errors.js';
import { type Logger, silentLogger } from '../../src/log/logger.js';
import { keysOf } from '../../src/redis/keys.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { refusedAs } from '../../src/redis/protocol/failure.js';
import { cgroup } from '../helpers/cli.js';
import { fakeServer } from '../helpers/fakeserver.js';
import { startProxy } from '../helpers/faultproxy.js';
import { freshRedis, withRedis } from '../helpers/redis.js';
import { entriesOf, flagsOf, startGroup } from '../helpers/running.js';
import { until } from '../helpers/until.js';

// What Redis answers to the first commands of a connection.

const redis = withRedis();

function clientOf(url: string): Redis {
  const client = new Redis(url);
  client.on('error', () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

function connectionTo(url: string, log = silentLogger): Connection {
  const connection = new Connection(url, 'test', log);
  onTestFinished(() => connection.close());
  return connection;
}

describe('the database of a URL', () => {
  test.each(['/5', '?db=5', '/5?db=5', '/?db=5&family=4'])('is used for keys and marks: %s', async (end) => {
    const space = redis.namespace();
    const keys = keysOf({ ...space, redis: `${redis.url}/5` });
    const client = clientOf(`${redis.url}/5`);
    const group = await startGroup({ ...space, redis: `${redis.url}${end}` }, ['--size', '1']);
    expect(await client.pubsub('CHANNELS', `*{${space.output}}*`)).toEqual([keys.marks]);
    await client.publish(space.channel, '{"message_id":1}');
    await until(async () => (await entriesOf(client, keys.output)).length === 1, { what: 'the result' });
    expect(await clientOf(redis.url).exists(keys.output, keys.bridge, keys.counters)).toBe(0);
    expect(await group.kill()).toEqual({ code: 0, signal: null });
  });

  test.each(['start', 'status', 'publish'])('is named by %s if Redis does not have it', async (command) => {
    const server = await freshRedis(['--databases', '6']);
    const client = clientOf(server.url);
    const run = cgroup([command, '--redis', `${server.url}/6`]);
    expect((await run.exit).code).toBe(1);
    expect(run.stderr()).toMatch(
      /^cgroup: Redis at \S+:\d+ has no database 6 \(ERR DB index is out of range\): name another one in the URL/,
    );
    expect(await client.dbsize()).toBe(0);
  });

  test('is entered on every connection: if Redis refuses it later, no command runs in another one', async () => {
    const server = await freshRedis();
    const proxy = await startProxy(server.port);
    onTestFinished(() => proxy.stop());
    const admin = clientOf(server.url);
    const connection = connectionTo(`${proxy.url}/9`);
    await connection.connect();
    await connection.call('INCR', 'count');
    await admin.call('ACL', 'SETUSER', 'default', '-select');
    proxy.cut();
    await until(() => !connection.isReady, { what: 'the cut' });
    // A command that waits while an attempt ends is not sent either, but its error names another reason.
    await until(
      async () => {
        const failure: unknown = await connection.call('INCR', 'count').catch((error: unknown) => error);
        expect(failure).toBeInstanceOf(CgroupError);
        return (
          refusedAs(failure, 'NOPERM') &&
          /^Redis at \S+ does not let this user into database 9 \(/.test((failure as Error).message)
        );
      },
      { what: 'the refusal' },
    );
    await admin.call('ACL', 'SETUSER', 'default', '+select');
    await until(() => connection.call('INCR', 'count').catch(() => undefined), { what: 'the database' });
    expect([await admin.dbsize(), await clientOf(`${server.url}/9`).get('count')]).toEqual([0, '2']);
  });
});

describe('a Redis that cannot be used says why', () => {
  /** A server that speaks first, and closes. */
  async function greeting(text: string): Promise<string> {
    const server = createServer((socket) => socket.on('error', () => {}).end(text));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    onTestFinished(() => void server.close());
    return `127.0.0.1:${(server.address() as { port: number }).port}`;
  }
  const answering = (text: string, then = (_: Socket) => {}) =>
    fakeServer((request, socket) => {
      for (const _ of request.match(/\*\d+\r\n/g) ?? []) socket.write(text);
      then(socket);
    });
  const loading = 'loading:1\r\nloading_eta_seconds:60\r\n';

  test.each<[name: string, server: () => Promise<string>, why: string]>([
    [
      'it is full',
      () => greeting('-ERR max number of clients reached\r\n'),
      'it answers: ERR max number of clients',
    ],
    [
      'it is protected',
      () => greeting('-DENIED Redis is running in protected mode\r\n'),
      'it answers: DENIED Redis is',
    ],
    ['it speaks SSH', () => greeting('SSH-2.0-x\r\n'), 'what answers is not Redis: Protocol error, got "S"'],
    [
      'it speaks HTTP',
      () => answering('HTTP/1.1 400\r\n\r\n', (s) => s.end()),
      'what answers is not Redis: Protocol',
    ],
    [
      'a proxy has no Redis',
      () => answering('-ERR no upstream host\r\n'),
      'it answers: ERR no upstream host',
    ],
    ['it loads', () => answering(`$${loading.length}\r\n${loading}\r\n`), 'it is loading its data'],
    [
      'it refuses all',
      () => answering('-MASTERDOWN Link with MASTER is down\r\n'),
      'it answers: MASTERDOWN Link',
    ],
    ['it closes', () => fakeServer((_, socket) => socket.destroy()), 'it closes the connection'],
    ['it is mute', () => fakeServer(() => {}), 'no answer'],
  ])('%s', async (_, server, why) => {
    for (const end of ['', '/3']) {
      const failure = connectionTo(`redis://${await server()}${end}`).connect({ timeout: 600 });
      const message = expect.stringContaining(` within 0.6 s (${why}`);
      await expect(failure).rejects.toMatchObject({ code: 'REDIS_UNREACHABLE', message });
    }
  });

  test('a real one has as many clients as it may have', async () => {
    const server = await freshRedis(['--maxclients', '1']);
    await clientOf(server.url).ping();
    await expect(connectionTo(server.url).connect({ timeout: 1_000 })).rejects.toThrow(
      /\(it answers: ERR max number of clients reached\): end clients of it, or raise its setting maxclients$/,
    );
  });

  test('it has no command INFO', async () => {
    const server = await freshRedis(['--rename-command', 'INFO', '']);
    const run = cgroup(['status', '--redis', server.url]);
    expect((await run.exit).code).toBe(1);
    expect(run.stderr()).toMatch(
      /^cgroup: INFO: ERR unknown command .INFO.*: cgroup uses this command, and the configuration of Redis has renamed/,
    );
  });
});

test('a password that Redis does not need is a warning, once', async () => {
  const lines: string[] = [];
  const warn = (_: object, text: string) => void lines.push(text);
  const log: Logger = { ...silentLogger, warn };
  const url = redis.url.replace('//', '//:needless@');
  for (const connection of [connectionTo(url, log), connectionTo(url, log)]) {
    await connection.connect();
    expect(await connection.call('PING')).toBe('PONG');
  }
  expect(lines).toEqual([
    expect.stringMatching(/^Redis at 127\.0\.0\.1:\d+ needs no password, but the URL has one/),
  ]);
});

test('the name of a connection is shown by CLIENT LIST, and a refused name does no harm', async () => {
  const admin = clientOf(redis.url);
  await connectionTo(redis.url).connect();
  expect(await admin.client('LIST')).toMatch(/ name=cgroup:test /);
  const server = await freshRedis(['--rename-command', 'CLIENT', '']);
  const unnamed = connectionTo(`${server.url}/1`);
  await unnamed.connect();
  expect(await unnamed.call('PING')).toBe('PONG');
});

test('flags with a database of two numbers are refused before anything is connected', async () => {
  const run = cgroup(['status', ...flagsOf({ ...redis.namespace(), redis: `${redis.url}/1?db=2` })]);
  expect((await run.exit).code).toBe(2);
  expect(run.stderr()).toBe('cgroup: --redis: must name one database: /1 and db=2 are two\n');
});
