import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { GroupStatus } from '../../src/observe/status.js';
import { type CliRun, cgroup } from '../helpers/cli.js';
import { groupOn, type TestGroup } from '../helpers/group.js';
import { withRedis } from '../helpers/redis.js';
import { logOf } from '../helpers/running.js';
import { onTerminal } from '../helpers/terminal.js';
import { until } from '../helpers/until.js';

const redis = withRedis();

/** A processor that fails with messages that have `bad`, until a file is there. */
async function fixable() {
  const folder = await mkdtemp(join(tmpdir(), 'cgroup-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const [handler, fixed] = [join(folder, 'handler.mjs'), join(folder, 'fixed')];
  await writeFile(
    handler,
    `import { existsSync } from 'node:fs';
     export default (message) => {
       if (message.bad && !existsSync(${JSON.stringify(fixed)})) throw new Error('not yet');
       return message;
     };`,
  );
  return { handler, fix: () => writeFile(fixed, '') };
}

async function command({ flags }: TestGroup, ...args: string[]) {
  const run = cgroup([...args, ...flags]);
  const { code } = await run.exit;
  return { code, stdout: run.stdout(), stderr: run.stderr() };
}

async function statusOf(group: TestGroup): Promise<GroupStatus> {
  return JSON.parse((await command(group, 'status', '--json')).stdout) as GroupStatus;
}

async function send({ raw, space }: TestGroup, ...messages: object[]) {
  for (const message of messages) await raw.publish(space.channel, JSON.stringify(message));
}

async function idsIn(group: TestGroup) {
  return (await group.outputs()).map(({ messageId }) => messageId);
}

const TOTAL = ['--order', 'total', '--on-dead', 'halt', '--max-attempts', '1'];
const BY_KEY = ['--order', 'key', '--order-key', 'of', '--on-dead', 'halt', '--max-attempts', '1'];

/** Waits until so many messages stop the order. */
function halted(group: TestGroup, count: number) {
  return until(
    async () => {
      const status = await statusOf(group);
      return status.haltedCount === count ? status : undefined;
    },
    { what: `${count} halted`, timeout: 15_000 },
  );
}

test('total order: results wait through a restart of all processes, and a retried message leaves in its place', {
  timeout: 90_000,
}, async () => {
  const group = await groupOn(redis.url);
  const { handler, fix } = await fixable();
  const start = () => group.start([...TOTAL, '-p', handler, '--size', '2']);
  const stop = (run: CliRun) => run.kill('SIGTERM');
  const first = await start();
  await send(group, { message_id: '1' }, { message_id: '2', bad: true }, { message_id: '3' });
  const status = await halted(group, 1);
  const [{ deadId = '', inboxId = '' } = {}] = status.halted;
  expect(status.halted).toEqual([{ deadId: expect.stringMatching(/^\d+-\d+$/), inboxId, key: null }]);
  await until(async () => (await group.raw.zcard(group.keys.parked)) === 1);
  expect(await idsIn(group)).toEqual(['1']);
  const line = await until(() => logOf(first, 40).find(({ msg }) => msg.includes('stops the output')));
  expect(line.msg).toContain(`cgroup dead retry ${deadId}`);
  expect(line.msg).toContain(`cgroup dead skip ${deadId}`);

  const shown = (await command(group, 'status')).stdout;
  expect(shown).toContain(deadId);
  expect(shown).toContain('all later results');
  expect(shown).toMatch(/cgroup dead skip --redis .* ID/);
  expect((await command(group, 'dead', 'list')).stdout).toMatch(/halted.*\n.*yes/);
  expect((await command(group, 'dead', 'show', deadId)).stdout).toMatch(/^halted +true$/m);
  const doctor = JSON.parse((await command(group, 'doctor', '--json')).stdout);
  expect(doctor.findings).toContainEqual(
    expect.objectContaining({ check: 'halted', status: 'mend', mend: expect.arrayContaining([]) }),
  );

  await stop(first);
  const second = await start();
  // Who decides may see the log of this process only.
  await until(() => logOf(second, 40).find(({ msg }) => msg.includes(`cgroup dead skip ${deadId}`)));
  await send(group, { message_id: '4' });
  await until(async () => (await group.raw.zcard(group.keys.parked)) === 2);
  expect(await idsIn(group)).toEqual(['1']);
  await fix();
  expect((await command(group, 'dead', 'retry', deadId)).code).toBe(0);
  await until(async () => (await idsIn(group)).length === 4, { timeout: 15_000 });
  expect(await idsIn(group)).toEqual(['1', '2', '3', '4']);
  expect((await group.outputs())[1]?.inboxId).toBe(inboxId);
  expect(await statusOf(group)).toMatchObject({ haltedCount: 0, halted: [] });
  await stop(second);
});

test('total order: dead skip goes on without the message, also without processes', {
  timeout: 90_000,
}, async () => {
  const group = await groupOn(redis.url);
  const { handler } = await fixable();
  const run = await group.start([...TOTAL, '-p', handler]);
  await send(group, { message_id: '1' }, { message_id: '2', bad: true }, { message_id: '3' });
  await group.raw.publish(group.space.channel, 'no JSON');
  await send(group, { message_id: '4' });
  const { halted: all } = await halted(group, 2);
  await until(async () => (await group.raw.zcard(group.keys.parked)) === 2);
  await run.kill('SIGTERM');
  const [one, two] = all.map(({ deadId }) => deadId) as [string, string];
  expect(await command(group, 'dead', 'skip', one, '1-1')).toMatchObject({
    code: 1,
    stdout: 'skipped 1 dead letter: the order goes on without it\n',
    stderr: expect.stringContaining('the dead letter 1-1 stops no order'),
  });
  expect(await idsIn(group)).toEqual(['1', '3']);
  expect(JSON.parse((await command(group, 'dead', 'skip', '--all', '--json')).stdout)).toEqual({
    skipped: 1,
  });
  expect(await idsIn(group)).toEqual(['1', '3', '4']);
  expect((await command(group, 'dead', 'skip', two)).code).toBe(1);
  expect(await command(group, 'dead', 'skip', '--all')).toMatchObject({
    code: 0,
    stdout: 'skipped none: no dead letter stops the order\n',
  });
  expect((await group.read()).deadLetters).toBe(2);
});

test('order by key: only the key of the dead letter waits; purge and retry let it go on', {
  timeout: 90_000,
}, async () => {
  const group = await groupOn(redis.url);
  const { handler, fix } = await fixable();
  const first = await group.start([...BY_KEY, '-p', handler, '--size', '2']);
  const of = (key: string, message_id: string, bad = false) => ({ message_id, of: key, bad });
  await send(group, of('a', 'a1', true), of('a', 'a2'), of('b', 'b1'), of('c', 'c1', true), of('c', 'c2'));
  const { halted: all, held } = await halted(group, 2);
  expect(all.map(({ key }) => key).sort()).toEqual(['"a"', '"c"']);
  await until(async () => (await idsIn(group)).length === 1);
  expect(await idsIn(group)).toEqual(['b1']);
  expect(held).toBe(2);
  await first.kill('SIGTERM');

  const second = await group.start([...BY_KEY, '-p', handler]);
  await fix();
  const deadOf = (key: string) => all.find((one) => one.key === key)?.deadId ?? '';
  expect((await command(group, 'dead', 'retry', deadOf('"a"'))).code).toBe(0);
  await until(async () => (await idsIn(group)).length === 3);
  expect(await idsIn(group)).toEqual(['b1', 'a1', 'a2']);
  const purge = onTerminal(['dead', 'purge', ...group.flags]);
  await purge.shows(/Delete 1 dead letter .*1 of them stops the order.*\[y\/N\]/s);
  purge.type('y\r');
  expect((await purge.exit).code).toBe(0);
  await until(async () => (await idsIn(group)).length === 4);
  expect((await idsIn(group)).at(-1)).toBe('c2');
  const end = await statusOf(group);
  expect(end).toMatchObject({ haltedCount: 0, held: 0, backlog: 0, deadLetters: 0 });
  expect(await group.raw.hlen(group.keys.busy)).toBe(0);
  await second.kill('SIGTERM');
});

test('a start without order by key lets its messages go, and halts nothing any more', {
  timeout: 90_000,
}, async () => {
  const group = await groupOn(redis.url);
  const { handler } = await fixable();
  const first = await group.start([...BY_KEY, '-p', handler]);
  await send(group, { message_id: 'a1', of: 'a', bad: true }, { message_id: 'a2', of: 'a' });
  await halted(group, 1);
  await first.kill('SIGTERM');
  const second = await group.start([...TOTAL, '-p', handler]);
  await until(async () => (await idsIn(group)).includes('a2'));
  await halted(group, 0);
  await send(group, { message_id: 'b' });
  await until(async () => (await idsIn(group)).at(-1) === 'b');
  await second.kill('SIGTERM');
});

test('total order: a retried message is read and begun though the window is full', {
  timeout: 90_000,
}, async () => {
  const group = await groupOn(redis.url);
  const { handler, fix } = await fixable();
  const run = await group.start([...TOTAL, '--order-window', '2', '-p', handler, '--size', '2']);
  await send(group, { message_id: '0', bad: true });
  const { halted: all } = await halted(group, 1);
  const ids = Array.from({ length: 30 }, (_, i) => String(i + 1));
  await send(group, ...ids.map((message_id) => ({ message_id })));
  await until(async () => (await group.raw.zcard(group.keys.parked)) >= 2);
  await fix();
  expect((await command(group, 'dead', 'retry', all[0]?.deadId ?? '')).code).toBe(0);
  await until(async () => (await idsIn(group)).length === 31, { timeout: 15_000 });
  expect(await idsIn(group)).toEqual(['0', ...ids]);
  await run.kill('SIGTERM');
});
