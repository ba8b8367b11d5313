import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import type { GroupOptions } from '../../src/index.js';
import { groupOn, type TestGroup } from '../helpers/group.js';
import { freshRedis, namespaceOn, withRedis } from '../helpers/redis.js';
import { openStores } from '../helpers/stores.js';
import { until } from '../helpers/until.js';

// The built one: a thread needs a file of JavaScript.
const built = new URL('../../dist/index.js', import.meta.url).href;
const { ConsumerGroup } = (await import(built)) as typeof import('../../src/index.js');

const redis = withRedis();
const folder = mkdtempSync(join(tmpdir(), 'cgroup-scaling-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
/** Takes 20 ms, or as long as the message says; it may note in a file that it has begun. */
const handler = join(folder, 'handler.mjs');
writeFileSync(
  handler,
  `import { setTimeout as sleep } from 'node:timers/promises';
  import { threadId } from 'node:worker_threads';
  import { appendFileSync } from 'node:fs';
  export default async ({ ms = 20, file }, { attempt }) => {
    if (file) appendFileSync(file, 'begun\\n');
    return sleep(ms, { attempt, threadId });
  };`,
);

const BEATS = { heartbeat: 200, claimAfter: 2_000 };

/** The consumers in the Redis group. */
async function consumersIn({ raw, keys }: TestGroup): Promise<unknown[]> {
  return (await raw.xinfo('CONSUMERS', keys.inbox, 'cgroup')) as unknown[];
}

/** The connections of groups, clients not counted. */
async function connectionsTo({ raw }: TestGroup): Promise<number> {
  return [...String(await raw.client('LIST')).matchAll(/ name=cgroup:(?!client)/g)].length;
}

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
async function running(url: string, options: GroupOptions, space = namespaceOn(url)) {
  const seen = await groupOn(url, space);
  const group = new ConsumerGroup({ ...space, ...options });
  onTestFinished(() => group.stop());
  await group.start();
  return { group, seen, listed: async () => (await seen.listed()).length };
}

/** Each message has one result, and one attempt was made. */
async function expectEachOnce(seen: TestGroup, ids: readonly string[]): Promise<void> {
  const { counters } = await seen.settled(ids.length, 20_000);
  expect(counters).toMatchObject({ processed: ids.length, failed: 0, retried: 0, dead: 0 });
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

  test.each<[string, GroupOptions]>([
    ['on the main thread', { processor: handler, threads: 0 }],
    ['threads', { processor: handler, threads: 2 }],
  ])('a message in work ends normally, and its consumer is listed until then: %s', async (_, options) => {
    const { group, seen, listed } = await running(redis.url, { size: 4, ...options });
    const file = join(folder, `begun-${options.threads}`);
    for (const id of ['a', 'b', 'c', 'd'])
      await seen.raw.publish(seen.space.channel, JSON.stringify({ message_id: id, ms: 1_500, file }));
    await until(() => readFileSync(file, 'utf8').split('begun').length === 5, { what: 'all to be in work' });
    await group.scale(1);
    expect(await listed()).toBe(4);
    expect((await seen.read()).pending).toBe(4);
    await until(async () => (await listed()) === 1, { what: 'three to leave' });
    expect(await consumersIn(seen)).toHaveLength(1);
    await seen.settled(4);
    expect((await seen.outputs()).map(({ data }) => data.attempt)).toEqual([1, 1, 1, 1]);
    expect(new Set((await seen.outputs()).map(({ consumerId }) => consumerId)).size).toBe(4);
  });

  test('a storm of sizes: the last one counts, nothing is lost, no connection is left over', async () => {
    const { group, seen, listed } = await running(redis.url, { size: 1, processor: () => sleep(2, {}) });
    const before = await connectionsTo(seen);
    const publisher = publishing(seen, 10);
    const scaled: Promise<void>[] = [];
    for (let i = 0; i < 150; i++) {
      scaled.push(group.scale((i * 7) % 13));
      if (i % 10 === 0) await seen.raw.ping();
    }
    scaled.push(group.scale(4));
    await Promise.all(scaled);
    await until(async () => (await listed()) === 4, { what: '4 ids in the list' });
    await expectEachOnce(seen, await publisher.end());
    expect(await consumersIn(seen)).toHaveLength(4);
    await until(async () => (await connectionsTo(seen)) === before + 3, { what: 'the connections of 4' });
  });

  test('a stop under load, while the size changes: no id, no message and no connection is left', async () => {
    const { group, seen, listed } = await running(redis.url, { size: 3, processor: () => sleep(5, {}) });
    const ids = await seen.publish(300);
    await until(async () => (await seen.read()).counters.relayed === 300, { what: 'all to be relayed' });
    void group.scale(9).catch(() => {});
    void group.scale(2).catch(() => {});
    const growing = group.scale(20).catch(() => {});
    await group.stop();
    await growing;
    await expect(group.scale(3)).rejects.toMatchObject({
      code: 'STATE',
      message: expect.stringMatching(/was stopped: make a new/),
    });
    expect([await listed(), await consumersIn(seen), await connectionsTo(seen)]).toEqual([0, [], 0]);
    const next = new ConsumerGroup(seen.space);
    onTestFinished(() => next.stop());
    await next.start();
    await expectEachOnce(seen, ids);
  });

  test('a size that is set while Redis is away comes about when it is back', async () => {
    const server = await freshRedis(['--appendonly', 'yes']);
    const { group, seen, listed } = await running(server.url, { size: 2, heartbeat: 200, claimAfter: 1_000 });
    seen.raw.on('error', () => {});
    await server.kill();
    await expect(group.scale(5)).rejects.toMatchObject({ code: 'REDIS_UNREACHABLE' });
    await server.restart();
    await until(async () => (await listed()) === 5, { timeout: 20_000, what: '5 ids in the list' });
    await seen.bridgesInStep(1);
    await expectEachOnce(seen, await seen.publish(200));
  });

  test.each([-1, 10_001, 2.5, Number.NaN, '3', undefined, null])('refuses the size %j', async (size) => {
    for (const managed of [false, true]) {
      const group = new ConsumerGroup({ managed });
      await expect(group.scale(size as number)).rejects.toMatchObject({ code: 'SETTINGS' });
    }
  });
});

describe('a pause', () => {
  test.each<[string, GroupOptions]>([
    ['a function', { processor: ({ message_id }) => sleep(20, { message_id }), concurrency: 3 }],
    ['threads', { processor: handler, threads: 2, concurrency: 2, batch: 10 }],
  ])('lets no attempt begin, in no process; all is processed after it, each once: %s', async (_, options) => {
    const { group, seen } = await running(redis.url, { size: 2, ...BEATS, ...options });
    const { group: other } = await running(redis.url, { size: 1, ...BEATS, ...options }, seen.space);
    const publisher = publishing(seen, 3);
    await until(async () => (await seen.read()).counters.processed > 30, { what: 'some results' });

    const paused = Promise.all([once(group, 'paused'), once(other, 'paused')]);
    await group.pause();
    await paused;
    // What was in work ends.
    let before = await seen.read();
    await until(async () => {
      const last = before.counters.processed;
      await sleep(100);
      before = await seen.read();
      return before.counters.processed === last;
    });
    const held = before.pending;
    await until(async () => (await seen.read()).counters.relayed > before.counters.relayed + 200, {
      what: 'relaying to go on',
    });
    const { counters, pending } = await seen.read();
    expect([counters.processed, pending]).toEqual([before.counters.processed, held]);

    await other.resume();
    await expectEachOnce(seen, await publisher.end());
  });

  test('outlives the processes; consumers that come meanwhile begin nothing either', async () => {
    const { group, seen } = await running(redis.url, { size: 2, ...BEATS });
    await group.pause();
    await group.stop();
    const { group: next, listed } = await running(redis.url, { size: 1, ...BEATS }, seen.space);
    const ids = await seen.publish(50);
    await next.scale(3);
    await until(async () => (await listed()) === 3, { what: '3 ids' });
    await until(async () => (await seen.read()).counters.relayed === 50, { what: 'all to be relayed' });
    await sleep(3 * BEATS.heartbeat);
    expect(await seen.read()).toMatchObject({ waiting: 50, pending: 0, counters: { processed: 0 } });
    await next.resume();
    await expectEachOnce(seen, ids);
  });
});

describe('managed processes', () => {
  test('share the size of the group, also when one joins, and when one ends', async () => {
    const options = { managed: true, size: 50, ...BEATS };
    const { group, seen, listed } = await running(redis.url, { ...options, host: 'a' });
    expect(await listed()).toBe(1);
    const publisher = publishing(seen, 5);
    const { group: second } = await running(redis.url, { ...options, host: 'b' }, seen.space);
    await until(async () => (await listed()) === 2, { what: 'one consumer for each' });
    await group.scale(9);
    await until(async () => (await listed()) === 9, { what: '9 ids' });
    const { group: third } = await running(redis.url, { ...options, host: 'c' }, seen.space);
    const shares = async () => {
      const hosts = (await seen.listed()).map((id) => id.split('-')[0]);
      return ['a', 'b', 'c'].map((host) => hosts.filter((other) => other === host).length);
    };
    await until(async () => (await shares()).join() === '3,3,3', { what: '3 consumers on each host' });
    await second.stop();
    const onTwo = async () => ['5,0,4', '4,0,5'].includes((await shares()).join());
    await until(onTwo, { what: '9 consumers on two hosts' });
    await third.scale(0);
    await until(async () => (await listed()) === 0, { what: 'no consumers' });
    await group.scale(4);
    await until(async () => (await listed()) === 4, { what: '4 ids' });
    await expectEachOnce(seen, await publisher.end());
  });

  test('find the size by themselves, where the group scales automatically', async () => {
    const { seen, listed } = await running(redis.url, {
      managed: true,
      processor: () => sleep(20, {}),
      ...BEATS,
    });
    const { control } = await openStores(seen.space);
    const author = { who: 'somebody', why: 'test' };
    await control.change({ autoscale: { min: 1, max: 20, drainWithin: 2_000 } }, author);
    const publisher = publishing(seen, 2);
    // About 150 messages a second, each 20 ms: 3 consumers are busy all the time.
    await until(async () => (await listed()) >= 4, { what: '4 consumers or more' });
    await expectEachOnce(seen, await publisher.end());
    const [change, ...sizes] = await control.events();
    expect(change).toMatchObject({ who: 'somebody' });
    const [process] = await control.processes();
    expect(sizes.map(({ who }) => who)).toEqual(sizes.map(() => process?.id));
    expect(sizes[0]?.why).toMatch(/msg\/s in/);
  });
});
