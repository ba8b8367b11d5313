import { describe, expect, test } from 'vitest';
import { cgroup } from '../helpers/cli.js';
import { groupOn, pidOf, type TestGroup } from '../helpers/group.js';
import { withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();

const processedByPid = async (group: TestGroup): Promise<Map<number, number>> => {
  const sums = new Map<number, number>();
  for (const { consumerId } of await group.outputs())
    sums.set(pidOf(consumerId), (sums.get(pidOf(consumerId)) ?? 0) + 1);
  return sums;
};

/** Polls the list without a pause; `seen` holds its different states, in order. */
function watchList(group: TestGroup) {
  const seen: string[][] = [];
  let over = false;
  const watching = (async () => {
    while (!over) {
      const ids = await group.listed();
      if (ids.join() !== seen.at(-1)?.join()) seen.push(ids);
    }
  })();
  return {
    seen,
    async end() {
      over = true;
      await watching;
    },
  };
}

describe('processes of one group', () => {
  test('share the work, with a new process as soon as it is ready', async () => {
    const group = await groupOn(redis.url);
    const first = await group.start(['--size', '2', '--simulate-ms', '30']);
    await group.publish(300);
    await until(async () => (await group.read()).counters.processed >= 20);
    const second = await group.start(['--size', '4', '--simulate-ms', '30']);
    await group.settled(300);
    const counts = await processedByPid(group);
    expect((counts.get(first.pid) ?? 0) + (counts.get(second.pid) ?? 0)).toBe(300);
    // Twice as many consumers do about twice the remaining work.
    expect(counts.get(second.pid)).toBeGreaterThan(100);
    expect(counts.get(first.pid)).toBeGreaterThan(40);
    await Promise.all([first.kill(), second.kill()]);
  });

  test('consumer:ids is exact while they start, run and end', async () => {
    const group = await groupOn(redis.url);
    const list = watchList(group);
    const first = await group.start(['--size', '3']);
    expect(await group.listed()).toHaveLength(3);
    const second = await group.start(['--size', '2', '--bridge', 'off']);
    expect(await group.listed()).toHaveLength(5);
    await group.publish(1_000);
    await group.settled(1_000);
    // Some heartbeats rewrite the list; a reader must not notice.
    const beats = Number(await group.raw.zscore(group.keys.heartbeats, (await group.listed())[0] as string));
    await until(async () => {
      const id = (await group.listed())[0] as string;
      return Number(await group.raw.zscore(group.keys.heartbeats, id)) > beats + 2_500;
    });
    await first.kill();
    expect((await group.listed()).map(pidOf)).toEqual([second.pid, second.pid]);
    await second.kill();
    expect(await group.listed()).toEqual([]);
    await list.end();
    const ofFirst = (ids: string[]) => ids.filter((id) => pidOf(id) === first.pid).length;
    const ofSecond = (ids: string[]) => ids.filter((id) => pidOf(id) === second.pid).length;
    const states = list.seen.map((ids) => [ofFirst(ids), ofSecond(ids)] as const);
    expect(states.slice(0, 3)).toEqual([
      [0, 0],
      [3, 0],
      [3, 2],
    ]);
    // Each consumer leaves by itself: the list may be seen after each, and never grows again.
    expect(states).toContainEqual([0, 2]);
    expect(states.at(-1)).toEqual([0, 0]);
    for (const process of [0, 1] as const) {
      const counts = states.slice(2).map((state) => state[process]);
      expect(counts).toEqual(counts.toSorted((a, b) => b - a));
    }
  });

  test('may split the work: --bridge only and --bridge off', async () => {
    const group = await groupOn(redis.url);
    const bridge = await group.start(['--bridge', 'only']);
    expect(await group.listed()).toEqual([]);
    await group.publish(50);
    await until(async () => (await group.read()).backlog === 50);
    const consumers = await group.start(['--bridge', 'off', '--size', '2']);
    expect((await group.listed()).map(pidOf)).toEqual([consumers.pid, consumers.pid]);
    await group.settled(50);
    expect((await processedByPid(group)).get(consumers.pid)).toBe(50);
    await consumers.kill();
    await group.publish(50);
    await until(async () => (await group.read()).backlog === 50);
    expect((await bridge.kill()).code).toBe(0);
    // Without a bridge no process is subscribed.
    expect(await group.raw.publish(group.space.channel, '{"message_id":"unheard"}')).toBe(0);
  });

  test('trim the output if the setting says so', async () => {
    const group = await groupOn(redis.url);
    const run = await group.start(['--size', '2', '--output-max-len', '100']);
    await group.publish(3_000);
    const { counters, outputLength } = await group.settled(3_000);
    expect(outputLength).toBeGreaterThanOrEqual(100);
    expect(outputLength).toBeLessThan(1_000);
    expect(counters).toMatchObject({ processed: 3_000, trimmed: 3_000 - outputLength });
    const verifying = cgroup(['verify', ...group.flags, '--json']);
    expect((await verifying.exit).code, String(verifying)).toBe(0);
    await run.kill();
  });

  test('refuse to start on a key of a foreign type, and name it', async () => {
    const group = await groupOn(redis.url);
    for (const key of [group.keys.consumerList, group.keys.output]) {
      await group.raw.set(key, 'foreign');
      const run = cgroup(['start', ...group.flags]);
      expect((await run.exit).code).toBe(1);
      expect(run.stderr()).toContain(`the key ${key} holds a string`);
      expect(await group.raw.getdel(key)).toBe('foreign');
    }
  });

  test('that start together are all ready soon, each time', async () => {
    for (let round = 0; round < 3; round++) {
      const group = await groupOn(redis.url);
      const runs = await Promise.all([1, 2, 3].map(() => group.start(['--size', '1'])));
      await group.publish(20);
      await group.settled(20);
      await Promise.all(runs.map((run) => run.kill()));
    }
  });

  test('that start while killed bridges hold the seats are ready only when a bridge relays', async () => {
    const group = await groupOn(redis.url);
    const dead = await Promise.all([group.start(), group.start()]);
    await Promise.all(dead.map((run) => run.kill('SIGKILL')));
    const run = await group.start();
    // A dead bridge is shown for two seconds at most.
    await until(async () => (await group.read()).bridges.length === 1);
    const ids = await group.publish(10);
    await group.settled(10);
    expect(new Set((await group.outputs()).map(({ messageId }) => messageId))).toEqual(new Set(ids));
    await run.kill();
  });

  test('with another channel or Redis group are refused an output that is in use', async () => {
    const group = await groupOn(redis.url);
    const run = await group.start();
    for (const [flag, name] of [
      ['--channel', 'channel'],
      ['--group', 'group'],
    ] as const) {
      const other = cgroup(['start', ...group.flags, flag, 'other']);
      expect((await other.exit).code).toBe(1);
      expect(other.stderr()).toContain(`${group.keys.output} is the output of a running group with ${name} `);
    }
    await run.kill();
    // Another group may take an output that is no longer in use.
    const next = await group.start(['--channel', 'other']);
    await next.kill();
  });
});
