import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cgroup } from '../helpers/cli.js';
import { groupOn, type TestGroup } from '../helpers/group.js';
import { withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();

const KEYS = ['a', 7, 'b', true, 'é'];

/** A module of a processor that takes some ms for each message. */
function slowly(ms: number): string {
  const file = join(mkdtempSync(join(tmpdir(), 'order-key-sources-')), 'processor.mjs');
  writeFileSync(
    file,
    `export default (message) => new Promise((resolve) => setTimeout(resolve, ${ms}, message));`,
  );
  return file;
}

/** Adds messages of five keys, in turn, to the source; their ids are numbers. */
async function add({ raw }: TestGroup, kind: 'list' | 'stream', name: string, from: number, count: number) {
  const pipeline = raw.pipeline();
  for (let id = from; id < from + count; id++) {
    const text = JSON.stringify({ message_id: id, customer: { id: KEYS[id % KEYS.length] } });
    if (kind === 'list') pipeline.rpush(name, text);
    else pipeline.xadd(name, '*', 'message', text);
  }
  await pipeline.exec();
}

/** The ids in the output, by key, in the order in which they left. */
async function leftByKey(group: TestGroup): Promise<number[][]> {
  const outputs = await group.outputs();
  return KEYS.map((key) =>
    outputs
      .filter(({ data }) => (data.customer as { id: unknown }).id === key)
      .map(({ messageId }) => Number(messageId)),
  );
}

describe.each(['list', 'stream'] as const)('three processes that take from a %s with order key', (kind) => {
  test('keep its order for each key, and lose and double nothing, though one is killed', {
    timeout: 120_000,
  }, async () => {
    const group = await groupOn(redis.url);
    const { raw, keys, space } = group;
    const name = `${space.channel}:source`;
    const flags = ['--redis', space.redis, '--output', space.output, '--consumer-list', space.consumerList];
    const order = ['--order', 'key', '--order-key', 'customer.id', '--size', '2', '--processor', slowly(10)];
    const start = async () => {
      const run = cgroup(['start', ...flags, `--${kind}`, name, ...order]);
      await run.line(/ready: /);
      return run;
    };
    // Half waits before a process runs, the rest comes in pieces while all three read.
    await add(group, kind, name, 0, 100);
    const [killed, ...others] = await Promise.all([start(), start(), start()]);
    const processed = async () => (await group.read()).counters.processed;
    for (let from = 100; from < 200; from += 10) {
      await add(group, kind, name, from, 10);
      if (from === 150) {
        await until(async () => (await processed()) >= 30, { timeout: 30_000 });
        await killed.kill('SIGKILL');
      }
    }
    await group.settled(200, 60_000);
    const ids = (key: number) => Array.from({ length: 40 }, (_, i) => 5 * i + key);
    expect(await leftByKey(group)).toEqual(KEYS.map((_, key) => ids(key)));
    expect(await raw.hgetall(keys.busy)).toEqual({});
    expect(await raw.zcard(keys.held)).toBe(0);
    expect(kind === 'list' ? await raw.exists(name) : await raw.xlen(name)).toBe(kind === 'list' ? 0 : 200);
    await Promise.all(others.map((run) => run.kill()));
  });
});
