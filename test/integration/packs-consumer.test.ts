import { once } from 'node:events';
import { expect, test } from 'vitest';
import type { Failure } from '../../src/index.js';
import { keysOf } from '../../src/redis/keys.js';
import { makeGroup } from '../helpers/library.js';
import { withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const MANY = 3_000;

/** A group whose processor is known to be fast, so that messages come in packs. */
async function fastGroup(processor: Parameters<typeof makeGroup>[1]) {
  const made = makeGroup(redis.namespace(), { heartbeat: '200ms', backoff: '1ms', ...processor });
  const { group, raw, space } = made;
  const keys = keysOf(group.settings);
  await group.start();
  const burst = async (prefix: string, count: number) => {
    const pipeline = raw.pipeline();
    for (let i = 0; i < count; i++)
      pipeline.publish(space.channel, JSON.stringify({ message_id: `${prefix}${i}` }));
    await pipeline.exec();
  };
  const packs = async () => {
    if ((await raw.exists(keys.packs)) === 0) return 0;
    const info = (await raw.xinfo('STREAM', keys.packs)) as unknown[];
    return Number(String(info[info.indexOf('last-generated-id') + 1]).split('-')[0]);
  };
  const settled = async () => {
    const { counters, backlog } = await group.status();
    return backlog === 0 && counters.relayed > 0;
  };
  let warm = 0;
  await until(async () => {
    await burst(`warm${warm++}-`, 20);
    await until(settled);
    return (await packs()) > 0;
  });
  await raw.xtrim(space.output, 'MAXLEN', 0);
  const outputs = async () =>
    (await raw.xrange(space.output, '-', '+')).map(([, flat]) => ({
      inboxId: String(flat[5]),
      result: JSON.parse(String(flat[7])) as unknown,
    }));
  return { ...made, keys, burst, packs, settled, outputs };
}

const numberOf = (messageId: unknown) => Number(/^m(\d+)$/.exec(String(messageId))?.[1] ?? 1);

test('messages that come in packs are processed, tried again, and given up, each with an id of its own', async () => {
  const failures: Failure[] = [];
  const seen = new Map<string, Set<string>>();
  const { group, raw, keys, burst, packs, outputs } = await fastGroup({
    maxAttempts: 2,
    processor: ({ message_id: id }, { attempt, inboxId, deadLetter }) => {
      const number = numberOf(id);
      if (String(id).startsWith('m')) seen.set(String(id), (seen.get(String(id)) ?? new Set()).add(inboxId));
      if (number % 101 === 0 && attempt === 1) throw new Error('once');
      if (number % 997 === 0) return deadLetter('not today');
      return number % 50 === 0 ? Promise.resolve(id) : id;
    },
  });
  group.on('failure', (failure) => failures.push(failure));
  const before = await packs();
  await burst('m', MANY);
  await until(async () => {
    const { counters, backlog } = await group.status();
    return (
      backlog === 0 && counters.relayed === counters.processed + counters.dead && counters.relayed > MANY
    );
  });
  expect(await packs()).toBeGreaterThan(before);
  // 0 fails once, and is given up then.
  const dead = [0, 997, 1_994, 2_991].map((number) => `m${number}`);
  const results = (await outputs()).filter(({ result }) => String(result).startsWith('m'));
  expect(new Set(results.map(({ result }) => result)).size).toBe(MANY - dead.length);
  expect(results.length).toBe(MANY - dead.length);
  for (const { inboxId, result } of results) expect([...(seen.get(String(result)) ?? [])]).toEqual([inboxId]);
  const letters = (await raw.xrange(keys.dead, '-', '+')).map(([, flat]) => [flat[3], flat[5], flat[7]]);
  expect(letters.toSorted()).toEqual([
    ['failed', 'not today', '1'],
    ['failed', 'not today', '1'],
    ['failed', 'not today', '1'],
    ['failed', 'not today', '2'],
  ]);
  const retried = failures.filter((failure) => !failure.dead);
  expect(retried.length).toBe(Math.ceil(MANY / 101));
  expect(retried.every(({ attempt }) => attempt === 1)).toBe(true);
  expect(failures.filter((failure) => failure.dead).length).toBe(4);
});

test('a pause in the middle of packs keeps no result back, and a stop hands back the rest', async () => {
  let release: () => void = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  let held = 0;
  const { group, burst, outputs, keys, raw } = await fastGroup({
    size: 1,
    concurrency: 3,
    processor: async ({ message_id: id }) => {
      if (String(id).startsWith('m') && ++held >= 200) await gate;
      return id;
    },
  });
  await burst('m', 1_000);
  await until(() => held === 202);
  const paused = once(group, 'paused');
  await group.pause();
  await paused;
  release();
  const settled = async () => (await outputs()).filter(({ result }) => String(result).startsWith('m')).length;
  await until(async () => (await settled()) === 202);
  await group.stop();
  const results = (await outputs()).map(({ result }) => String(result)).filter((id) => id.startsWith('m'));
  expect(new Set(results).size).toBe(results.length);
  const summary = (await raw.xpending(keys.packs, group.settings.group).catch(() => [0])) as unknown[];
  expect(Number(summary[0])).toBe(0);
});
