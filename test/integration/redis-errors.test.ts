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

/** The run failed: exit code 1, and one line that says why and what to do. */
async function expectFailed(run: CliRun, line: RegExp): Promise<void> {
  const { code } = await run.exit;
  const lines = run.stderr().split('\n').slice(0, -1);
  expect(lines, run.stderr()).toHaveLength(1);
  expect(lines[0]).toMatch(line);
  expect({ code, stdout: run.stdout() }).toEqual({ code: 1, stdout: '' });
  for (const secret of [PASSWORD, ENCODED, WRONG]) expect(run.stderr()).not.toContain(secret);
}

describe('a Redis that is not there', () => {
  test('is reported after 5 s, with its address, by a group', async () => {
    const silent = await fakeServer(() => {});
    const web = await fakeServer((_, socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const cases = [
      ['start', '127.0.0.1:1', 'connect ECONNREFUSED 127.0.0.1:1'],
      ['start', silent, 'no answer'],
      ['start', web, 'what answers is not Redis: Protocol error'],
      ['start', 'nix.invalid:6379', 'getaddrinfo '],
    ] as const;
    await Promise.all(
      cases.map(async ([command, address, reason]) => {
        const begin = performance.now();
        const run = cgroup([command, '--redis', `redis://user:${ENCODED}@${address}`]);
        await run.line(/^cgroup: /, 25_000);
        const reported = performance.now();
        await expectFailed(
          run,
          new RegExp(`^cgroup: cannot reach Redis at ${address} within 5 s \\(${reason}`),
        );
        expect(run.stderr()).toContain('is --redis right?');
        expect(reported - begin).toBeGreaterThan(4_900);
        // It ends at once after the line.
        expect(performance.now() - reported).toBeLessThan(1_500);
      }),
    );
  });

  test('is waited for in these 5 s', async () => {
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

  test('is waited for', async () => {
    const answers = [1, 0].map((loading) => bulk(`# Persistence\r\nloading:${loading}\r\n`));
    const address = await fakeServer((request, socket) => {
      for (const [, command] of request.matchAll(/\*\d+\r\n\$\d+\r\n(\w+)/g))
        socket.write(command?.toUpperCase() === 'INFO' ? (answers.shift() ?? '-ERR\r\n') : '+OK\r\n');
    });
    const connection = new Connection(`redis://${address}`, 'test', silentLogger);
    onTestFinished(() => connection.close());
    await connection.connect();
    expect(answers).toEqual([]);
  });
});

describe('a Redis that refuses us', () => {
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
  ])('makes %s fail as "%s"', async (command, credentials, line) => {
    const server = await freshRedis(['--requirepass', PASSWORD]);
    const address = server.url.replace('//', `//${credentials}`);
    await expectFailed(cgroup([command, '--redis', address]), line);
  });

  test('gets no password into the log, at any level', async () => {
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

  test('accepts the right password, with all characters that have a meaning in a URL', async () => {
    const server = await freshRedis(['--requirepass', PASSWORD]);
    const space = namespaceOn(server.url.replace('//', `//:${ENCODED}@`));
    const group = await startGroup(space, ['--log-level', 'trace']);
    expect(await group.kill()).toEqual({ code: 0, signal: null });
    for (const secret of [PASSWORD, ENCODED]) expect(group.stderr()).not.toContain(secret);
  });

  test.each([
    ['-evalsha -eval', /^cgroup: (prepare|restore-control|beat):/],
    ['resetkeys ~other', /^cgroup: (prepare|restore-control|beat):/],
  ])('because its user lacks a right (%s)', async (rules, line) => {
    const admin = clientOf(redis.url);
    const user = `user${Math.random().toString(36).slice(2)}`;
    await admin.call('ACL', 'SETUSER', user, 'on', `>${WRONG}`, '~*', '&*', '+@all', ...rules.split(' '));
    const space = { ...redis.namespace(), redis: redis.url.replace('//', `//${user}:${WRONG}@`) };
    const run = cgroup(['start', ...flagsOf(space)]);
    await expectFailed(run, line);
    expect(run.stderr()).toMatch(
      /: the Redis user lacks a right \(NOPERM .*\): cgroup doctor --redis .* prints the ACL line/m,
    );
  });
});

test.each(['5.0.14', '6.0.16'])('Redis %s is too old', async (version) => {
  const address = await redisOfVersion(version);
  const line = new RegExp(
    `^cgroup: Redis ${version} is too old: cgroup needs Redis 6\\.2 or newer, or Valkey$`,
  );
  await expectFailed(cgroup(['start', '--redis', `redis://:${ENCODED}@${address}`]), line);
});

describe('a key of a foreign type', () => {
  const names = ['output', 'inbox', 'bridge', 'retry', 'dead', 'counters', 'processed', 'gaps'] as const;
  const registry = ['consumerList', 'heartbeats', 'members'] as const;

  test.each([...names, ...registry])('under the name of %s is reported and left alone', async (name) => {
    const space = redis.namespace();
    const key = keysOf(space)[name];
    const client = clientOf(space.redis);
    await client.set(key, 'not yours');
    const run = cgroup(['start', ...flagsOf(space)]);
    const line = `the key ${key} holds a string, not a (stream|hash|zset|list); nothing was changed: rename it, or choose other names \\(--output, --consumer-list, --list, --stream\\)$`;
    await expectFailed(run, new RegExp(line.replace(/[{}]/g, '\\$&')));
    expect(await client.get(key)).toBe('not yours');
    // All names of a namespace have the same end.
    expect(await client.keys(`*${space.output.split(':').at(-1)}*`)).toEqual([key]);
  });

  test('in a running group is reported, and nothing is lost', async () => {
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
    // There are ten tries a second, but not ten lines.
    expect(logOf(group, 40).filter(({ msg }) => msg.includes('holds a string')).length).toBeLessThan(5);
  });
});
