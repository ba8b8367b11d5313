import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { cgroup } from '../helpers/cli.js';
import { freshRedis, type Namespace, namespaceOn, withRedis } from '../helpers/redis.js';
import { flagsOf, logOf, settled, startGroup } from '../helpers/running.js';
import { until } from '../helpers/until.js';

const shared = withRedis();

/** A megabyte a second, for two seconds. */
const BUSY = ['--bytes', '10000', '--rate', '100', '--count', '200', '--batch', '5'];

/** The warnings of a group while `cgroup publish` runs with these flags. */
async function warningsOf(space: Namespace, publishing: string[], count: number): Promise<string[]> {
  const client = new Redis(space.redis);
  onTestFinished(() => client.disconnect());
  const group = await startGroup(space, ['-n', '1']);
  const publisher = cgroup(['publish', '--redis', space.redis, '--channel', space.channel, ...publishing]);
  expect((await publisher.exit).code).toBe(0);
  await until(() => settled(client, space, count), { what: 'all to be processed' });
  expect(await group.kill()).toEqual({ code: 0, signal: null });
  return logOf(group, 40).map(({ msg }) => msg);
}

test.each([
  ['news.*', true],
  ['user:?', true],
  ['h[ae]llo', true],
  ['a.channel', false],
])(
  'a group and a publisher on the channel %s: is there a warning that it is no pattern? %s',
  async (end, warns) => {
    const space = namespaceOn(shared.url);
    const channel = `${space.channel}:${end}`;
    const group = cgroup(['start', ...flagsOf({ ...space, channel }), '-n', '1']);
    await group.line(/"msg":"ready: /);
    const publisher = cgroup(['publish', '--redis', space.redis, '--channel', channel, '--count', '1']);
    expect((await publisher.exit).code).toBe(0);
    await group.kill();
    for (const run of [group, publisher])
      expect(logOf(run, 40).map(({ msg }) => msg)).toEqual(
        warns
          ? [expect.stringContaining(`the channel ${channel} is taken as it is written, not as a pattern`)]
          : [],
      );
  },
);

describe('start-up and the bridge', () => {
  test('warn of a Redis that may evict keys', async () => {
    const server = await freshRedis(['--maxmemory-policy', 'allkeys-lru']);
    const warnings = await warningsOf(namespaceOn(server.url), ['--count', '1'], 1);
    expect(warnings).toEqual([
      'Redis may delete messages when its memory is full (maxmemory-policy allkeys-lru): CONFIG SET maxmemory-policy noeviction',
    ]);
  });

  test('warn once of an output buffer too small for the rate, with the command that fixes it', async () => {
    const server = await freshRedis(['--client-output-buffer-limit', 'pubsub', '1mb', '512kb', '60']);
    const warnings = await warningsOf(namespaceOn(server.url), BUSY, 200);
    expect(warnings).toHaveLength(1);
    const [, limit = ''] =
      /^at [\d.,]+ [KM]B a second Redis disconnects a bridge after a stall of \d+\.\d s: CONFIG SET client-output-buffer-limit "(pubsub \d+mb \d+mb 60)"$/.exec(
        warnings[0] ?? '',
      ) ?? [];
    // Redis accepts the command, and the warning is gone.
    const client = new Redis(server.url);
    onTestFinished(() => client.disconnect());
    expect(await client.config('SET', 'client-output-buffer-limit', limit)).toBe('OK');
    expect(await warningsOf(namespaceOn(server.url), BUSY, 200)).toEqual([]);
  });

  test('do not warn of a small output buffer if the rate is low', async () => {
    const server = await freshRedis(['--client-output-buffer-limit', 'pubsub', '1mb', '512kb', '60']);
    expect(await warningsOf(namespaceOn(server.url), ['--count', '10'], 10)).toEqual([]);
  });

  test('do not warn if Redis refuses CONFIG', async () => {
    const server = await freshRedis(['--rename-command', 'CONFIG', '']);
    expect(await warningsOf(namespaceOn(server.url), BUSY, 200)).toEqual([]);
  });
});
