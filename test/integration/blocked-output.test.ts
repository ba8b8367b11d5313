import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { groupOn, type TestGroup } from '../helpers/group.js';
import { withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const BIN = fileURLToPath(new URL('../../bin/cgroup.js', import.meta.url));
const redis = withRedis();
const cwd = mkdtempSync(join(tmpdir(), 'cgroup-output-'));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));
beforeAll(() => {
  const pad = `'z'.repeat(2_000)`;
  writeFileSync(
    join(cwd, 'logs.mjs'),
    `export default (m, { log }) => (log.warn({ pad: ${pad} }, 'seen'), 1);`,
  );
  writeFileSync(join(cwd, 'prints.mjs'), `export default () => (console.log(${pad}), 1);`);
  writeFileSync(join(cwd, 'prints-errors.mjs'), `export default () => (console.error(${pad}), 1);`);
});

type Target = 'pipe' | 'ignore' | number;

/** `cgroup start` whose output is not read, until the test reads it. */
async function start(
  group: TestGroup,
  more: string[],
  stdout: Target,
  stderr: Target,
): Promise<ChildProcess> {
  const child = spawn(process.execPath, [BIN, 'start', ...group.flags, '-n', '2', ...more], {
    cwd,
    stdio: ['ignore', stdout, stderr],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await until(async () => (await group.listed()).length === 2, { what: 'the group to be ready' });
  return child;
}

/** The process keeps lead and ids while it processes, and stops cleanly. */
async function expectWork(group: TestGroup, count: number): Promise<void> {
  const ids = await group.listed();
  const token = await group.raw.hget(group.keys.bridge, 'token');
  for (let done = 0; done < count; done += 500) await group.publish(500);
  expect((await group.settled(count, 30_000)).counters).toMatchObject({ processed: count, gaps: 0 });
  expect(await group.listed()).toEqual(ids);
  expect(await group.raw.hget(group.keys.bridge, 'token')).toBe(token);
}

async function expectCleanStop(group: TestGroup, child: ChildProcess): Promise<void> {
  child.kill('SIGTERM');
  const [code] = (await once(child, 'exit')) as [number | null];
  expect(code).toBe(0);
  expect(await group.listed()).toEqual([]);
}

const cases: [module: string, stream: 'stdout' | 'stderr', threads: string][] = [
  ['logs', 'stderr', '1'],
  ['logs', 'stderr', '0'],
  ['prints', 'stdout', '1'],
  ['prints', 'stdout', '0'],
  ['prints-errors', 'stderr', '1'],
];

test.each(cases)(
  'a processor that %s to a pipe (%s) that is not read, with --threads %s: the group works on, and stops',
  async (module, stream, threads) => {
    const group = await groupOn(redis.url);
    const other = stream === 'stdout' ? 'stderr' : 'stdout';
    const targets = { [stream]: 'pipe', [other]: 'ignore' } as Record<string, Target>;
    const more = ['-p', `${module}.mjs`, '--threads', threads, '--monitor', '--interval', '1s'];
    const child = await start(group, more, targets.stdout ?? 'pipe', targets.stderr ?? 'pipe');
    await expectWork(group, 3_000); // 6 MB
    await expectCleanStop(group, child);
  },
);

test('a log that is read again says how many lines were dropped', async () => {
  const group = await groupOn(redis.url);
  const child = await start(group, ['-p', 'logs.mjs', '--threads', '0'], 'ignore', 'pipe');
  await expectWork(group, 3_000);
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  const [, count] = await until(() => /"msg":"([\d,]+) log lines were dropped: /.exec(text));
  expect(Number(count?.replaceAll(',', ''))).toBeGreaterThan(100);
  await expectCleanStop(group, child);
  expect(text).toMatch(/"msg":"stopped"\}\n$/);
  const lines = text.split('\n').slice(0, -1);
  for (const line of lines) JSON.parse(line);
  const seen = lines.filter((line) => line.includes('"msg":"seen"')).length;
  const dropped = [...text.matchAll(/"msg":"([\d,]+) log lines? w/g)].map(([, n]) =>
    Number(n?.replaceAll(',', '')),
  );
  expect(seen + dropped.reduce((a, b) => a + b, 0)).toBeGreaterThanOrEqual(3_000);
});

test.each(['stdout', 'stderr'] as const)(
  'a full disk behind %s: the group works on, and stops',
  async (stream) => {
    const group = await groupOn(redis.url);
    const full = openSync('/dev/full', 'w');
    const module = stream === 'stdout' ? 'prints.mjs' : 'logs.mjs';
    const more = ['-p', module, '--monitor', '--interval', '1s'];
    const targets: [Target, Target] = stream === 'stdout' ? [full, 'ignore'] : ['ignore', full];
    const child = await start(group, more, ...targets);
    await expectWork(group, 500);
    await expectCleanStop(group, child);
  },
);
