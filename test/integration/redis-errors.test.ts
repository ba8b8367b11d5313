import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { silentLogger } from '../../src/log/logger.js';
import { keysOf } from '../../src/redis/keys.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { type CliRun, cgroup } from '../helpers/cli.js';
import { fakeServer, redisOfVersion } from '../helpers/fakeserver.js';
import { freshRedis, namespaceOn, withRedis } from '../helpers/redis.js';
import { countersOf, flagsOf, logOf, startGroup } from '../helpers/running.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const PASSWORD = 'p@ss/w0rd:geheim';
const ENCODED = encodeURIComponent(PASSWORD);
const WRONG = 'falsch-geheim';

function clientOf(url: string): Redis {
  const client = new Redis(url);
  client.on('error', () => {});
  onTestFinished(() => client.disconnect());
  return client;
}

/** The command exits with code 1 and prints one line: the cause and the fix. */
async function expectFailed(run: CliRun, problem: RegExp): Promise<void> {
  const { code } = await run.exit;
  const lines = run.stderr().split('\n').slice(0, -1);
  expect(lines, run.stderr()).toHaveLength(1);
  expect(lines[0]).toMatch(problem);
  expect({ code, stdout: run.stdout() }).toEqual({ code: 1, stdout: '' });
  for (const secret of [PASSWORD, ENCODED, WRONG]) expect(run.stderr()).not.toContain(secret);
}

describe('an unreachable Redis', () => {
  test('makes every command fail after 5 s, with the address', async () => {
    const silent = await fakeServer(() => {});
    const web = await fakeServer((_, socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const cases = [
      ['start', '127.0.0.1:1', 'connect ECONNREFUSED 127.0.0.1:1'],
      ['start', silent, 'no answer'],
      ['start', web, 'Protocol error'],
      ['publish', '127.0.0.1:1', 'connect ECONNREFUSED 127.0.0.1:1'],
      ['status', 'nix.invalid:6379', 'getaddrinfo '],
    ] as const;
    await Promise.all(
      cases.map(async ([command, address, reason]) => {
        const begin = performance.now();
        const run = cgroup([command, '--redis', `redis://user:${ENCODED}@${address}`]);
        await run.line(/^cgroup: /);
        const printed = performance.now();
        await expectFailed(
          run,
          new RegExp(`^cgroup: cannot reach Redis at ${address} within 5 s \\(${reason}`),
        );
        expect(run.stderr()).toContain('): is it running, and is --redis right?');
        expect(printed - begin).toBeGreaterThan(4_900);
        // The process ends soon after the message.
        expect(performance.now() - printed).toBeLessThan(1_500);
      }),
    );
  });

  test('does not end a group that starts: it waits for Redis', async () => {
    const server = await freshRedis();
    await server.kill();
    const group = cgroup(['start', ...flagsOf(namespaceOn(server.url)), '--log-level', 'debug']);
    await group.line(/connection to Redis failed/);
    await server.restart();
    await group.line(/ready: /);
    expect(await group.kill()).toEqual({ code: 0, signal: null });
  });
});

describe('a Redis that loads its data', () => {
  const bulk = (text: string) => `$${text.length}\r\n${text}\r\n`;

  test('makes connect wait', async () => {
    const answers = [1, 0].map((loading) => bulk(`# Persistence\r\nloading:${loading}\r\n`));
    const address = await fakeServer((request, socket) => {
      for (const [, command] of request.matchAll(/\*\d+\r\n\$\d+\r\n(\w+)/g))
        socket.write(command?.toUpperCase() === 'INFO' ? (answers.shift() ?? '-ERR\r\n') : '+OK\r\n');
    });
    const connection = new Connection(`redis://${address}`, 'test', silentLogger);
    onTestFinished(() => connection.close());
    await connection.connect(5_000);
    expect(answers).toEqual([]);
  });
});

describe('a Redis that refuses access', () => {
  const password =
    /^cgroup: .*Redis at 127\.0\.0\.1:\d+: Redis does not accept this user and password: correct/;

  test.each([
    [
      'start',
      '',
      /^cgroup: .*Redis asks for a password: put it into the URL, redis:\/\/:password@host:6379$/,
    ],
    ['start', `:${WRONG}@`, password],
    ['start', `nobody:${WRONG}@`, password],
    ['publish', `:${WRONG}@`, password],
    ['status', `:${WRONG}@`, password],
  ])('makes %s with the credentials "%s" fail with the cause', async (command, credentials, problem) => {
    const server = await freshRedis(['--requirepass', PASSWORD]);
    const address = server.url.replace('//', `//${credentials}`);
    await expectFailed(cgroup([command, '--redis', address]), problem);
  });

  test('gets no password into the log, even at level trace', async () => {
    const server = await freshRedis(['--requirepass', PASSWORD]);
    const run = cgroup([
      'start',
      '--redis',
      server.url.replace('//', `//:${WRONG}@`),
      '--log-level',
      'trace',
    ]);
    expect((await run.exit).code).toBe(1);
    expect(run.stderr()).toMatch(/\n {4}at /);
    expect(run.stderr()).not.toContain(WRONG);
  });

  test('accepts the right password, with characters that are special in a URL', async () => {
    const server = await freshRedis(['--requirepass', PASSWORD]);
    const space = namespaceOn(server.url.replace('//', `//:${ENCODED}@`));
    const group = await startGroup(space, ['--log-level', 'trace']);
    expect(await group.kill()).toEqual({ code: 0, signal: null });
    for (const secret of [PASSWORD, ENCODED]) expect(group.stderr()).not.toContain(secret);
  });

  test.each([
    ['-evalsha -eval', /^cgroup: prepare|^cgroup: beat/],
    ['resetkeys ~other', /^cgroup: prepare|^cgroup: beat/],
  ])('makes start fail if its user lacks a right (%s)', async (rules, problem) => {
    const admin = clientOf(redis.url);
    const user = `user${Math.random().toString(36).slice(2)}`;
    await admin.call('ACL', 'SETUSER', user, 'on', `>${WRONG}`, '~*', '&*', '+@all', ...rules.split(' '));
    const space = { ...redis.namespace(), redis: redis.url.replace('//', `//${user}:${WRONG}@`) };
    const run = cgroup(['start', ...flagsOf(space)]);
    await expectFailed(run, problem);
    expect(run.stderr()).toMatch(
      /: the Redis user lacks a right \(NOPERM .*\): cgroup doctor prints the ACL line/m,
    );
  });
});

test.each(['5.0.14', '6.0.16'])('start refuses Redis %s as too old', async (version) => {
  const address = await redisOfVersion(version);
  const problem = new RegExp(
    `^cgroup: Redis ${version} is too old: cgroup needs Redis 6\\.2 or newer, or Valkey$`,
  );
  await expectFailed(cgroup(['start', '--redis', `redis://:${ENCODED}@${address}`]), problem);
});

describe('a key of a foreign type', () => {
  const names = ['output', 'inbox', 'bridge', 'retry', 'dead', 'counters', 'processed', 'gaps'] as const;
  const registry = ['consumerList', 'heartbeats', 'members'] as const;

  test.each([...names, ...registry])(
    'at the name of %s makes start fail, and keeps its value',
    async (name) => {
      const space = redis.namespace();
      const key = keysOf(space)[name];
      const client = clientOf(space.redis);
      await client.set(key, 'not yours');
      const run = cgroup(['start', ...flagsOf(space)]);
      const problem = `the key ${key} holds a string, not a (stream|hash|zset|list); nothing was changed: rename it, or choose other names \\(--output, --consumer-list\\)$`;
      await expectFailed(run, new RegExp(problem.replace(/[{}]/g, '\\$&')));
      expect(await client.get(key)).toBe('not yours');
      // All keys of a namespace share one suffix.
      expect(await client.keys(`*${space.output.split(':').at(-1)}*`)).toEqual([key]);
    },
  );

  test('in a running group is logged, and no message is lost', async () => {
    const space = redis.namespace();
    const { output, dead } = keysOf(space);
    const client = clientOf(space.redis);
    const group = await startGroup(space);
    for (const key of [output, dead]) await client.set(key, 'not yours');
    await client.publish(space.channel, '{"message_id":1}');
    await client.publish(space.channel, 'nonsense');
    await group.line(/results are not written, trying again: .* holds a string, not a stream/);
    expect(await client.mget(output, dead)).toEqual(['not yours', 'not yours']);
    await client.del(output, dead);
    await until(async () => {
      const { processed, dead } = await countersOf(client, space);
      return processed === 1 && dead === 1;
    });
    expect(await group.kill()).toEqual({ code: 0, signal: null });
    expect([await client.xlen(output), await client.xlen(dead)]).toEqual([1, 1]);
    // The group retries ten times a second and logs far less often.
    expect(logOf(group, 40).filter(({ msg }) => msg.includes('holds a string')).length).toBeLessThan(5);
  });
});
