import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { cgroup } from '../helpers/cli.js';
import { freshRedis, type Namespace, namespaceOn } from '../helpers/redis.js';
import { logOf, settled, startGroup } from '../helpers/running.js';
import { until } from '../helpers/until.js';

/** A megabyte a second, for two seconds. */
const BUSY = ['--bytes', '10000', '--rate', '100', '--count', '200', '--batch', '5'];

/** The warnings of a group to which this is published. */
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

describe('a Redis', () => {
  test('that may evict keys is warned of', async () => {
    const server = await freshRedis(['--maxmemory-policy', 'allkeys-lru']);
    const warnings = await warningsOf(namespaceOn(server.url), ['--count', '1'], 1);
    expect(warnings).toEqual([
      'Redis may delete messages when its memory is full (maxmemory-policy allkeys-lru): CONFIG SET maxmemory-policy noeviction',
    ]);
  });

  test('whose output buffer is small for the rate is warned of, once, with what to set', async () => {
    const server = await freshRedis(['--client-output-buffer-limit', 'pubsub', '1mb', '512kb', '60']);
    const warnings = await warningsOf(namespaceOn(server.url), BUSY, 200);
    expect(warnings).toHaveLength(1);
    const [, limit = ''] =
      /^at \d+mb a second Redis disconnects a bridge after a stall of \d+\.\d s: CONFIG SET client-output-buffer-limit "(pubsub \d+mb \d+mb 60)"$/.exec(
        warnings[0] ?? '',
      ) ?? [];
    // Redis takes the advice, and it helps.
    const client = new Redis(server.url);
    onTestFinished(() => client.disconnect());
    expect(await client.config('SET', 'client-output-buffer-limit', limit)).toBe('OK');
    expect(await warningsOf(namespaceOn(server.url), BUSY, 200)).toEqual([]);
  });

  test('is not warned of where the rate is low for its output buffer', async () => {
    const server = await freshRedis(['--client-output-buffer-limit', 'pubsub', '1mb', '512kb', '60']);
    expect(await warningsOf(namespaceOn(server.url), ['--count', '10'], 10)).toEqual([]);
  });

  test('that tells nothing of its settings is taken as it is', async () => {
    const server = await freshRedis(['--rename-command', 'CONFIG', '']);
    expect(await warningsOf(namespaceOn(server.url), BUSY, 200)).toEqual([]);
  });
});
