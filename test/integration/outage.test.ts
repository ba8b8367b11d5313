import { describe, expect, test } from 'vitest';
import type { Reading } from '../../src/redis/inspect.js';
import { groupOn, type TestGroup } from '../helpers/group.js';
import { freshRedis, withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();

async function eachOnce(group: TestGroup, ids: readonly string[]): Promise<void> {
  const outputs = await group.outputs();
  expect(outputs.map(({ messageId }) => messageId).sort()).toEqual([...ids].sort());
}

/** Publishes until a message is processed, then waits until all are; returns the reading then. */
async function throughAgain(group: TestGroup): Promise<Reading> {
  await until(async () => {
    await group.publish(1);
    return (await group.read()).counters.processed > 0;
  });
  const [last] = await group.publish(1);
  return until(async () => {
    // Output first, then status: the status must include that output.
    if (!(await group.outputs()).some(({ messageId }) => messageId === last)) return undefined;
    const reading = await group.read();
    return reading.backlog === 0 ? reading : undefined;
  });
}

describe('running processes after the Redis group is destroyed', () => {
  test('create it again, from 0, and lose or double no message', async () => {
    const group = await groupOn(redis.url);
    const run = await group.start(['--size', '3', '--simulate-ms', '20']);
    const ids = await group.publish(200);
    for (let times = 1; times <= 3; times++) {
      await until(async () => (await group.read()).counters.processed >= times * 20);
      await group.raw.xgroup('DESTROY', group.keys.inbox, 'cgroup');
      await until(() => run.stderr().split('it was made anew, from 0').length - 1 === times);
      const { processed } = (await group.read()).counters;
      await until(async () => (await group.read()).counters.processed > processed);
    }
    const { counters } = await group.settled(200);
    expect(counters).toMatchObject({ processed: 200, dead: 0, lost: 0 });
    await eachOnce(group, ids);
    expect((await run.kill()).code).toBe(0);
  });

  test('create it again while there are no messages', async () => {
    const group = await groupOn(redis.url);
    const run = await group.start(['--size', '1']);
    await group.raw.xgroup('DESTROY', group.keys.inbox, 'cgroup');
    await run.line(/made anew, from 0/);
    const ids = await group.publish(5);
    await group.settled(5);
    await eachOnce(group, ids);
    await run.kill();
  });

  test('retry the waiting messages; each has one result', async () => {
    const group = await groupOn(redis.url);
    // Each attempt times out; the backoff is long, so no message dies.
    const flags = ['--size', '2', '--simulate-ms', '100', '--backoff', '30s'];
    const failing = await group.start([...flags, '--timeout', '10ms']);
    const ids = await group.publish(5);
    await until(async () => (await group.read()).retrying === 5);
    await failing.kill();
    const run = await group.start(flags);
    await group.raw.xgroup('DESTROY', group.keys.inbox, 'cgroup');
    const { counters } = await group.settled(5);
    expect(counters).toMatchObject({ processed: 5, dead: 0 });
    await eachOnce(group, ids);
    await run.kill();
  });
});

describe('running processes after the database is flushed', () => {
  test('log it, process each later message once, and repair the list', async () => {
    const group = await groupOn((await freshRedis()).url);
    const runs = [await group.start(['--size', '2']), await group.start(['--size', '1'])] as const;
    await group.publish(100);
    await group.settled(100);
    await group.raw.flushall();
    await Promise.any(runs.map((run) => run.line(/the consumer group was gone/)));
    await until(async () => (await group.listed()).length === 3, { timeout: 3_000 });
    await throughAgain(group);
    await group.bridgesInStep(2);
    const { relayed: before } = (await throughAgain(group)).counters;
    const ids = await group.publish(500);
    const { counters } = await group.settled(before + 500);
    expect(counters.processed).toBe(before + 500);
    const after = (await group.outputs()).filter(({ messageId }) => ids.includes(messageId));
    expect(after.map(({ messageId }) => messageId).sort()).toEqual([...ids].sort());
    for (const run of runs) expect((await run.kill()).code, String(run)).toBe(0);
    expect(await group.listed()).toEqual([]);
  });

  test('go on, although they hold entries that no longer exist', async () => {
    const group = await groupOn((await freshRedis()).url);
    const run = await group.start(['--size', '2', '--simulate-ms', '300']);
    await group.publish(10);
    await until(async () => (await group.read()).pending === 2);
    await group.raw.flushall();
    await run.line(/the consumer group was gone/);
    const { counters } = await throughAgain(group);
    expect(counters).toMatchObject({ processed: counters.relayed, dead: 0 });
    expect((await run.kill()).code, String(run)).toBe(0);
  });
});

test('after a restart of Redis with its data, no relayed message is lost or has two results', async () => {
  const server = await freshRedis(['--appendonly', 'yes', '--appendfsync', 'always']);
  const group = await groupOn(server.url);
  const run = await group.start(['--size', '2', '--simulate-ms', '20']);
  const ids = await group.publish(100);
  await until(async () => {
    const { counters } = await group.read();
    return counters.relayed === 100 && counters.processed >= 20;
  });
  await server.kill();
  await server.restart();
  const { counters } = await group.settled(100, 20_000);
  expect(counters).toMatchObject({ processed: 100, dead: 0, lost: 0 });
  await eachOnce(group, ids);
  await until(async () => (await group.listed()).length === 2);
  expect((await run.kill()).code, String(run)).toBe(0);
});
