import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { groupOn, type TestGroup } from '../helpers/group.js';
import { buildOlder, hasOlder, type OlderBuild } from '../helpers/older-build.js';
import { withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const QUICK = ['--heartbeat', '300ms', '--size', '2'];

let older: OlderBuild | undefined;
beforeAll(() => {
  if (hasOlder) older = buildOlder();
}, 120_000);
afterAll(() => older?.remove());

/** A process of the version before packs. */
const startOlder = (group: TestGroup, ...more: string[]) =>
  group.start([...QUICK, ...more], { bin: String(older?.bin) });

/** Publishes until another message is relayed in a pack; returns the ids of all messages. */
async function publishUntilPacked(group: TestGroup, ids: string[] = []): Promise<string[]> {
  const done = (await group.outputs()).length;
  await until(
    async () => {
      ids.push(...(await group.publish(200)));
      await group.settled(ids.length);
      return (await group.outputs()).slice(done).some(isFromPack);
    },
    { what: 'a message to be relayed in a pack' },
  );
  return ids;
}

const isFromPack = ({ inboxId }: { inboxId: string }) => Number(inboxId.split('-')[1]) >= 1_000_000;

async function allOnce(group: TestGroup, ids: readonly string[]): Promise<void> {
  const found = (await group.outputs()).map(({ messageId }) => messageId);
  expect(found.toSorted()).toEqual(ids.toSorted());
}

/** A process of the version before packs, as far as the others see it; returns what ends it. */
async function pretendOlder({ raw, keys, space }: TestGroup): Promise<() => Promise<void>> {
  const counts = { capacity: 1, consumers: 1, settled: 0, busyMs: 0 };
  const report = { id: 'old', host: 'h', pid: 1, managed: false, ...counts, output: space.output };
  const beat = () => raw.hset(keys.processes, 'old', JSON.stringify({ at: Date.now(), report }));
  await beat();
  const timer = setInterval(() => void beat(), 100);
  return async () => {
    clearInterval(timer);
    await raw.hdel(keys.processes, 'old');
  };
}

test('no packs while a process says that it takes none, and packs again when it has left', {
  timeout: 60_000,
}, async () => {
  const group = await groupOn(redis.url);
  const { raw, keys } = group;
  const runs = [await group.start(['--size', '2']), await group.start(['--size', '1'])];
  const ids = await publishUntilPacked(group);
  const end = await pretendOlder(group);
  const beats = async () => (await raw.hgetall(keys.processes)) as Record<string, string>;
  const { old: _old, ...before } = await beats();
  expect(Object.keys(before)).toHaveLength(2);
  await until(async () => {
    const now = await beats();
    return Object.entries(before).every(([id, record]) => now[id] !== record);
  });
  const done = (await group.outputs()).length;
  ids.push(...(await group.publish(700)));
  await group.settled(ids.length);
  expect((await group.outputs()).slice(done).filter(isFromPack)).toEqual([]);
  await end();
  await publishUntilPacked(group, ids);
  await allOnce(group, ids);
  for (const run of runs) await run.kill();
});

describe.skipIf(!hasOlder)('with a build of the commit before packs', { timeout: 90_000 }, () => {
  test('an upgrade: no packs until the last old process has left', async () => {
    const group = await groupOn(redis.url);
    const old = await startOlder(group);
    const run = await group.start(QUICK);
    await group.bridgesInStep(2);
    const ids = await group.publish(600);
    await group.settled(600);
    expect((await group.outputs()).filter(isFromPack)).toEqual([]);
    await old.kill();
    await publishUntilPacked(group, ids);
    await allOnce(group, ids);
    await run.kill();
  });

  // The second one hears of the old process only when it stops.
  test.each([
    ['while one of this version runs', '300ms', false],
    ['when one of this version stops', '20s', true],
  ])('the way back: old processes get what waits in packs, %s', async (_, heartbeat, stops) => {
    const group = await groupOn(redis.url);
    const { raw, keys } = group;
    // It runs no consumer: the packs wait.
    const flags = ['--bridge', 'only', '--heartbeat', heartbeat, '--claim-after', '60s'];
    const bridge = await group.start(flags);
    const ids: string[] = [];
    const packs = () => raw.xlen(keys.packs);
    await until(
      async () => {
        ids.push(...(await group.publish(300)));
        return (await packs()) > 0;
      },
      { what: 'packs that wait' },
    );
    const old = await startOlder(group);
    if (stops) {
      expect(await packs()).toBeGreaterThan(0);
      await bridge.kill();
    }
    await group.settled(ids.length);
    await allOnce(group, ids);
    expect(await packs()).toBe(0);
    expect(bridge.stderr()).toMatch(/unpacked [\d,]+ messages/);
    if (!stops) await bridge.kill();
    await old.kill();
  });
});
