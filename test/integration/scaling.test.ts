import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import type { GroupOptions } from '../../src/index.js';
import { groupOn, type TestGroup } from '../helpers/group.js';
import { freshRedis, withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

// The built one: a thread needs a file of JavaScript.
const built = new URL('../../dist/index.js', import.meta.url).href;
const { ConsumerGroup } = (await import(built)) as typeof import('../../src/index.js');

const redis = withRedis();
const folder = mkdtempSync(join(tmpdir(), 'cgroup-scaling-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
/** Takes 20 ms, and as long as the message says. */
const handler = join(folder, 'handler.mjs');
writeFileSync(
  handler,
  `import { setTimeout as sleep } from 'node:timers/promises';
  import { threadId } from 'node:worker_threads';
  export default async ({ ms = 20 }, { attempt }) => sleep(ms, { attempt, threadId });`,
);

/** Publishes so many messages, some of them every 10 ms, until it is stopped. Resolves to how many there were. */
function publishing(group: TestGroup, each = 20) {
  const ending = new AbortController();
  const ids: string[] = [];
  const done = (async () => {
    while (!ending.signal.aborted) {
      ids.push(...(await group.publish(each)));
      await sleep(10);
    }
    return ids;
  })();
  onTestFinished(() => ending.abort());
  return {
    end: () => {
      ending.abort();
      return done;
    },
  };
}

/** A group on the library, and what the test sees of it. */
async function running(url: string, options: GroupOptions) {
  const seen = await groupOn(url);
  const group = new ConsumerGroup({ ...seen.space, ...options });
  onTestFinished(() => group.stop());
  await group.start();
  return { group, seen, listed: async () => (await seen.listed()).length };
}

/** Each message has one result, and one attempt was made. */
async function expectEachOnce(seen: TestGroup, ids: readonly string[]): Promise<void> {
  const { counters } = await seen.settled(ids.length, 20_000);
  expect(counters).toMatchObject({ processed: ids.length, failed: 0, retried: 0, dead: 0, gaps: 0 });
  const outputs = await seen.outputs();
  expect(outputs.map(({ messageId }) => messageId).sort()).toEqual([...ids].sort());
}

describe('consumers that come and go', () => {
  test.each<[string, GroupOptions]>([
    ['a function that returns at once', { processor: (message) => message }],
    [
      'a function that takes 30 ms, with concurrency 4',
      { concurrency: 4, processor: async (_, { attempt }) => sleep(30, { attempt }) },
    ],
    ['threads', { processor: handler, threads: 3, concurrency: 2, batch: 20 }],
  ])('under load, each message is processed once: %s', async (_, options) => {
    const { group, seen, listed } = await running(redis.url, { size: 2, ...options });
    const publisher = publishing(seen, 4);
    for (const size of [8, 1, 5, 0, 3, 12, 2]) {
      const relayed = (await seen.read()).counters.relayed;
      await group.scale(size);
      await until(async () => (await listed()) === size, { what: `${size} ids in the list` });
      const more = async () => (await seen.read()).counters.relayed > relayed + 40;
      await until(more, { what: 'more messages' });
    }
    const ids = await publisher.end();
    await expectEachOnce(seen, ids);
    expect(new Set((await seen.outputs()).map(({ consumerId }) => consumerId)).size).toBeGreaterThan(10);
    expect(new Set((await seen.outputs()).map(({ data }) => data.attempt ?? 1))).toEqual(new Set([1]));
    expect(await listed()).toBe(2);
  });
});
void freshRedis;
