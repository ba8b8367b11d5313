import { expect, test } from 'vitest';
import { cgroup } from '../helpers/cli.js';
import { groupOn, type TestGroup } from '../helpers/group.js';
import { withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();

async function peek(group: TestGroup, ...flags: string[]): Promise<string> {
  const run = cgroup(['peek', ...group.flags, ...flags]);
  expect(await run.exit, run.stderr()).toMatchObject({ code: 0 });
  return run.stdout();
}

const objectsIn = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

test('the newest results are shown, the newest last, and stay where they are', async () => {
  const group = await groupOn(redis.url);
  expect(await peek(group)).toContain('no results yet');
  const run = await group.start();
  const ids = await group.publish(25);
  await until(async () => (await group.outputs()).length === 25);
  const lines = (await peek(group)).trim().split('\n');
  expect(lines[0]).toMatch(/^time +consumer +message id +result$/);
  expect(lines).toHaveLength(11);
  const outputs = await group.outputs();
  const shown = objectsIn(await peek(group, '--limit', '7', '--json'));
  expect(shown.map(({ messageId }) => messageId)).toEqual(
    outputs.slice(-7).map(({ messageId }) => messageId),
  );
  expect(shown[0].data).toMatchObject({ message_id: shown[0].messageId, random: expect.any(Number) });
  expect(new Set(ids).has(shown[0].messageId)).toBe(true);
  expect(await group.outputs()).toEqual(outputs);
  expect((await run.kill()).code).toBe(0);
});

test('--follow goes on with each result that comes, until Ctrl-C', async () => {
  const group = await groupOn(redis.url);
  const run = await group.start();
  await group.publish(3);
  await until(async () => (await group.outputs()).length === 3);
  const following = cgroup(['peek', ...group.flags, '--limit', '1', '--follow', '--json']);
  await following.line(/messageId/);
  const more = await group.publish(500);
  await until(() => objectsIn(following.stdout()).length === 501);
  expect(new Set(objectsIn(following.stdout()).map(({ messageId }) => messageId))).toEqual(
    new Set([...more, objectsIn(following.stdout())[0].messageId]),
  );
  expect((await following.kill('SIGINT')).code).toBe(0);
  expect((await run.kill()).code).toBe(0);
});

test('--follow reads the numbers of the group once, as peek alone does', async () => {
  const group = await groupOn(redis.url);
  await group.raw.xadd(group.space.output, '*', 'message_id', 'a1', 'data', '{}');
  const calls = async (names: RegExp) => {
    const stats = await group.raw.info('commandstats');
    const found = [...stats.matchAll(/^cmdstat_(\w+):calls=(\d+)/gm)].filter(([, name = '']) =>
      names.test(name),
    );
    return found.reduce((sum, [, , count]) => sum + Number(count), 0);
  };
  // Numbers are read by scripts, results by XRANGE.
  await group.raw.config('RESETSTAT');
  await peek(group);
  const alone = await calls(/^eval/);
  expect(alone).toBeGreaterThan(0);
  await group.raw.config('RESETSTAT');
  const following = cgroup(['peek', ...group.flags, '--follow']);
  await until(async () => (await calls(/^xrange$/)) > 8);
  expect(await calls(/^eval/)).toBe(alone);
  expect((await following.kill('SIGINT')).code).toBe(0);
});

test('--waiting shows what is not settled, also what is no text', async () => {
  const group = await groupOn(redis.url);
  const run = await group.start(['--bridge', 'only']);
  await group.bridgesInStep(1);
  await group.raw.publish(group.space.channel, '{"message_id":"a1"}');
  await group.raw.publish(group.space.channel, Buffer.from([0xff, 0x00]));
  await until(async () => (await group.read()).backlog === 2);
  expect(await peek(group, '--waiting')).toMatch(
    /relayed +id +message\n.*\{"message_id":"a1"\}\n.*2 bytes, not UTF-8/,
  );
  const [first, second] = objectsIn(await peek(group, '--waiting', '--json'));
  expect(first).toMatchObject({ message: '{"message_id":"a1"}' });
  expect(second).toMatchObject({ message: null, message_base64: '/wA=' });
  expect(objectsIn(await peek(group, '--waiting', '--limit', '1', '--json'))).toEqual([first]);
  expect((await run.kill()).code).toBe(0);
});

test('results in a list are shown, and cannot be followed', async () => {
  const group = await groupOn(redis.url);
  const run = await group.start(['--output-type', 'list']);
  await group.publish(5);
  await until(async () => (await group.raw.llen(group.space.output)) === 5);
  const shown = objectsIn(await peek(group, '--limit', '2', '--json'));
  const elements = (await group.raw.lrange(group.space.output, -2, -1)).map((text) => JSON.parse(text));
  expect(shown.map(({ messageId, data }) => [messageId, data])).toEqual(
    elements.map((one) => [one.message_id, one.data]),
  );
  const following = cgroup(['peek', ...group.flags, '--follow']);
  expect((await following.exit).code).toBe(2);
  expect(following.stderr()).toMatch(/a list cannot be followed/);
  expect((await run.kill()).code).toBe(0);
});
