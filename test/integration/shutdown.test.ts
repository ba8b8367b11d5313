import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { cgroup } from '../helpers/cli.js';
import { groupOn, pidOf } from '../helpers/group.js';
import { withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();

/** A processor module that hangs if the environment says so, and otherwise returns the attempt. */
function processor(): string {
  const folder = mkdtempSync(join(tmpdir(), 'cgroup-shutdown-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'processor.mjs');
  writeFileSync(
    path,
    `export default (message, { attempt }) =>
      process.env.HANG ? new Promise(() => {}) : { ...message, attempt };\n`,
  );
  return path;
}

const clock = () => performance.now();

describe.each(['SIGTERM', 'SIGINT'] as const)('%s', (signal) => {
  test('finishes what is in work, hands back the rest at once, and counts no attempt for it', async () => {
    const group = await groupOn(redis.url);
    const path = processor();
    // It reads ten at a time and takes half a second for each: most of them have not begun.
    const run = await group.start(['--size', '1', '--batch', '10', '--simulate-ms', '500']);
    await group.publish(30);
    await until(async () => {
      const { counters, pending } = await group.read();
      return counters.processed >= 1 && pending >= 5;
    });
    const signalledAt = clock();
    const { code } = await run.kill(signal);
    expect(code, String(run)).toBe(0);
    expect(clock() - signalledAt).toBeLessThan(10_000);

    const reading = await group.read();
    expect(await group.listed()).toEqual([]);
    expect(reading).toMatchObject({ pending: 0, retrying: 0, waiting: 30 - reading.counters.processed });
    expect(reading.pendingOf.size).toBe(0);
    expect(reading.bridges).toEqual([]);
    expect(reading.leader).toBeNull();
    expect(await group.raw.xinfo('CONSUMERS', group.keys.inbox, 'cgroup')).toEqual([]);

    const next = await group.start(['--size', '1', '-p', path]);
    await group.settled(30, 2_500); // sooner than anything could be taken from a silent consumer
    const outputs = await group.outputs();
    const ofNext = outputs.filter(({ consumerId }) => pidOf(consumerId) === next.pid);
    expect(ofNext).toHaveLength(30 - reading.counters.processed);
    expect(ofNext.every(({ data }) => data.attempt === 1)).toBe(true);
    expect((await group.read()).counters).toMatchObject({ retried: 0, failed: 0, dead: 0 });
    expect(new Set(outputs.map(({ messageId }) => messageId)).size).toBe(30);
    await next.kill();
  });

  test('while a processor hangs: ends in time, and another process gets the message', async () => {
    const group = await groupOn(redis.url);
    const path = processor();
    const flags = ['--size', '1', '-p', path, '--shutdown-timeout', '2s'];
    const run = await group.start(flags, { env: { HANG: '1' } });
    await group.publish(3);
    await until(async () => (await group.read()).pending > 0);
    const signalledAt = clock();
    const { code } = await run.kill(signal);
    expect(clock() - signalledAt).toBeLessThan(2_000 + 1_000); // and some time for the process to end
    expect(code, String(run)).toBe(0);
    expect(await group.listed()).toEqual([]);
    expect(await group.read()).toMatchObject({ pending: 0, retrying: 0, waiting: 3 });

    const next = await group.start(flags);
    await group.settled(3, 2_500);
    expect((await group.outputs()).map(({ data }) => data.attempt)).toEqual([1, 1, 1]);
    await next.kill();
  });

  test('twice: ends at once, with 130', async () => {
    const group = await groupOn(redis.url);
    const run = await group.start(['--size', '1', '-p', processor()], { env: { HANG: '1' } });
    await group.publish(1);
    await until(async () => (await group.read()).pending > 0);
    const ended = run.kill(signal);
    await run.line(/a second signal ends the process at once/);
    const signalledAt = clock();
    await run.kill(signal);
    expect(await ended).toEqual({ code: 130, signal: null });
    expect(clock() - signalledAt).toBeLessThan(2_000);
  });
});

test('a stop during the start ends in time, too, if there is no Redis', async () => {
  const run = cgroup([
    'start',
    '--redis',
    'redis://127.0.0.1:1',
    '--log-level',
    'debug',
    '--shutdown-timeout',
    '1s',
  ]);
  await run.line(/connection to Redis failed/);
  const signalledAt = clock();
  expect((await run.kill()).code, String(run)).toBe(0);
  expect(clock() - signalledAt).toBeLessThan(2_000);
});

test('a clean stop of the leader under load loses nothing: the other process goes on', async () => {
  const group = await groupOn(redis.url);
  const [one, two] = [await group.start(['--size', '1']), await group.start(['--size', '1'])];
  await group.bridgesInStep(2);
  let published = 0;
  let over = false;
  const publishing = (async () => {
    while (!over) published += (await group.publish(20)).length;
  })();
  await until(async () => (await group.read()).counters.processed > 500);
  const first = (await group.read()).leader?.includes(`-${one.pid}-`) ? one : two;
  expect((await first.kill()).code).toBe(0);
  const { processed } = (await group.read()).counters;
  await until(async () => (await group.read()).counters.processed > processed + 500);
  over = true;
  await publishing;
  const { counters } = await group.settled(published);
  expect(counters).toMatchObject({ processed: published, gaps: 0, dead: 0 });
  expect(new Set((await group.outputs()).map(({ messageId }) => messageId)).size).toBe(published);
  await (first === one ? two : one).kill();
});
