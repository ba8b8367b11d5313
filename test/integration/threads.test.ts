import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CliRun } from '../helpers/cli.js';
import { groupOn, type TestGroup } from '../helpers/group.js';
import { withRedis } from '../helpers/redis.js';
import { entriesOf, logOf } from '../helpers/running.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const cwd = mkdtempSync(join(tmpdir(), 'cgroup-threads-'));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const HANDLER = `
import { execSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, parentPort, threadId } from 'node:worker_threads';

const hoard = () => { const all = []; for (;;) all.push(new Array(1000).fill(Math.random())); };
const block = (ms) => { const end = Date.now() + ms; while (Date.now() < end); };
const does = {
  block: ({ ms }) => block(ms),
  loop: () => { for (;;); },
  loopLater: async () => { await sleep(20); for (;;); },
  exit: () => process.exit(3),
  exitLater: async () => { await sleep(20); process.exit(3); },
  exitOnce: (_, { attempt }) => { if (attempt === 1) process.exit(3); },
  outOfMemory: hoard,
  outside: () => execSync('sleep 3'),
  strayLoop: () => { setTimeout(() => { for (;;); }, 10); },
  posts: () => {
    for (const message of [null, { kind: 'ended' }, { kind: 'log', level: 'none' }, { kind: 'broken' }])
      parentPort.postMessage(message);
    parentPort.close();
  },
  logLoop: (_, { log }) => { for (;;) log.info({ pad: 'x'.repeat(5_000) }, 'again'); },
  debugLoop: (_, { log }) => { for (;;) log.debug({}, 'again'); },
  printLoop: () => { for (;;) console.log('x'.repeat(50_000)); },
  printErrorLoop: async () => { await sleep(1); for (;;) console.error('{"level":30,"msg":"x"}'); },
  postLoop: () => { for (;;) parentPort.postMessage('x'.repeat(50_000)); },
  strayThrow: () => { setTimeout(() => { throw new Error('a stray one'); }); },
};
export default async (message, { attempt, log }) => {
  if (message.do) log.info({ does: message.do }, 'begun');
  const done = does[message.do]?.(message, { attempt, log });
  if (done instanceof Promise) await done;
  if (message.wait) await sleep(message.wait);
  return { attempt, isMainThread, threadId };
};
`;
beforeAll(() => writeFileSync(join(cwd, 'handler.mjs'), HANDLER));

type Work = { do?: string; ms?: number; wait?: number };

async function publish({ raw, space }: TestGroup, ...works: Work[]): Promise<void> {
  for (const [i, work] of works.entries())
    await raw.publish(space.channel, JSON.stringify({ message_id: `${work.do ?? 'plain'}-${i}`, ...work }));
}

function start(group: TestGroup, flags: readonly string[], env: Record<string, string> = {}) {
  return group.start(['-p', 'handler.mjs', ...flags], { cwd, env });
}

async function deadLettersOf({ raw, keys }: TestGroup): Promise<Record<string, string>[]> {
  const deadLetters = await entriesOf(raw, keys.dead);
  return deadLetters.map((letter) =>
    Object.fromEntries(Object.entries(letter).map(([name, value]) => [name, String(value)])),
  );
}

test('a processor that blocks its thread for 10 s: the process keeps the lead, its ids and its messages', async () => {
  const group = await groupOn(redis.url);
  const run = await start(group, ['-n', '2', '--lease', '1s', '--heartbeat', '500ms']);
  const other = await group.start(['--bridge', 'only', '--lease', '1s']);
  await group.bridgesInStep(2);
  const ids = await group.listed();
  const { leader } = await group.read();
  const token = await group.raw.hget(group.keys.bridge, 'token');
  expect(leader).toContain(`-${run.pid}-`);

  await publish(group, { do: 'block', ms: 10_000 });
  await run.line(/"begun"/);
  for (let relayed = 2; relayed <= 10; relayed++) {
    await publish(group, {});
    await until(async () => (await group.read()).counters.relayed === relayed, { timeout: 900 });
    expect(await group.listed()).toEqual(ids);
    await sleep(800);
  }
  expect((await group.read()).counters.processed).toBe(0); // blocked all the time
  const { counters } = await group.settled(10);
  expect(counters).toMatchObject({ processed: 10, failed: 0, dead: 0, gaps: 0 });
  expect(await group.raw.hget(group.keys.bridge, 'token')).toBe(token);
  expect((await group.outputs()).map(({ data }) => data.attempt)).toEqual(Array(10).fill(1));
  expect(logOf(run, 40)).toEqual([]);
  await Promise.all([run.kill(), other.kill()]);
});

/** MB of memory that a process uses, at most so far. */
function peakOf({ pid }: CliRun): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1_024;
}

test.each([
  ['logs', 'logLoop', true],
  ['logs at a level that is not written', 'debugLoop', false],
  ['prints', 'printLoop', true],
  ['prints to stderr, after an await', 'printErrorLoop', true],
  ['posts messages to the process', 'postLoop', false],
])(
  'a loop that %s fails at its timeout; the process keeps the lead, its ids and its memory',
  async (_, does, drops) => {
    const group = await groupOn(redis.url);
    const flags = ['-n', '2', '--threads', '2', '--timeout', '4s', '--max-attempts', '1', '--lease', '1s'];
    const run = await start(group, flags);
    const other = await group.start(['--bridge', 'only', '--lease', '1s']);
    await group.bridgesInStep(2);
    const ids = await group.listed();
    const token = await group.raw.hget(group.keys.bridge, 'token');
    await publish(group, { do: does }, ...Array(20).fill({ wait: 10 }));
    const { counters } = await group.settled(21);
    expect(counters).toMatchObject({ processed: 20, dead: 1, gaps: 0 });
    const [letter] = await deadLettersOf(group);
    expect(letter).toMatchObject({ reason: 'timeout' });
    expect(await group.listed()).toEqual(ids);
    expect(await group.raw.hget(group.keys.bridge, 'token')).toBe(token);
    expect(peakOf(run)).toBeLessThan(300);
    const dropped = logOf(run, 40).filter(({ msg }) =>
      /^[\d,]+ lines were dropped: the processor /.test(msg),
    );
    expect(dropped.length > 0).toBe(drops);
    expect((await run.kill()).code).toBe(0);
    await other.kill();
  },
);

const LITTLE_MEMORY = { NODE_OPTIONS: '--max-old-space-size=80' };
const BUSY = 'no result within 1000 ms, and its thread was kept busy';
describe('a message whose processor', () => {
  test.each<[what: string, does: string, reason: string, error: string | RegExp]>([
    ['loops for ever', 'loop', 'timeout', BUSY],
    ['loops for ever after an await', 'loopLater', 'timeout', BUSY],
    ['waits for another program', 'outside', 'timeout', BUSY],
    ['ends the process', 'exit', 'failed', 'the processor ended its thread: process.exit(3)'],
    [
      'ends the process after an await',
      'exitLater',
      'failed',
      'the processor ended its thread: process.exit(3)',
    ],
    ['takes all memory', 'outOfMemory', 'failed', /^the processor ended its thread: .*memory/],
  ])(
    '%s: only this message is retried and becomes a dead letter; the process and all others go on',
    async (_, does, reason, error) => {
      const group = await groupOn(redis.url);
      const flags = [
        '-n',
        '3',
        '--threads',
        '1',
        '--concurrency',
        '3',
        '--timeout',
        '1s',
        '--backoff',
        '50ms',
      ];
      const run = await start(group, [...flags, '--max-attempts', '2'], LITTLE_MEMORY);
      const others = Array.from({ length: 30 }, (_, i) => ({ wait: 1 + (i % 10) * 20 }));
      await publish(group, ...others.slice(0, 15), { do: does }, ...others.slice(15));
      const { counters } = await group.settled(31, 25_000);
      expect(counters).toMatchObject({ processed: 30, failed: 2, retried: 1, dead: 1 });
      const [letter] = await deadLettersOf(group);
      expect(letter).toMatchObject({ reason, attempts: '2' });
      expect(letter?.message).toContain(`"${does}"`);
      if (typeof error === 'string') expect(letter?.error).toBe(error);
      else expect(letter?.error).toMatch(error);
      const outputs = await group.outputs();
      expect(outputs.every(({ data }) => data.attempt === 1 && data.isMainThread === false)).toBe(true);
      expect(new Set(outputs.map(({ messageId }) => messageId)).size).toBe(30);
      expect((await run.kill()).code).toBe(0);
    },
  );

  test('ends the process once: the second attempt succeeds', async () => {
    const group = await groupOn(redis.url);
    const run = await start(group, ['-n', '1']);
    await publish(group, { do: 'exitOnce' });
    await group.settled(1);
    expect((await group.outputs()).map(({ data }) => data.attempt)).toEqual([2]);
    expect(logOf(run, 40).map(({ msg }) => msg)).toEqual([
      'the processor ended its thread: process.exit(3): replaced',
    ]);
    await run.kill();
  });

  test('leaves a loop behind: its result counts, and the thread is replaced', async () => {
    const group = await groupOn(redis.url);
    const run = await start(group, ['-n', '1', '--timeout', '500ms', '--max-attempts', '1']);
    await publish(group, { do: 'strayLoop' });
    await group.settled(1);
    await run.line(/keeps its thread busy for longer than 500 ms: replaced/);
    await publish(group, {});
    expect((await group.settled(2)).counters).toMatchObject({ processed: 2, failed: 0 });
    await run.kill();
  });

  test('sends messages of its own to the main thread: they are ignored', async () => {
    const group = await groupOn(redis.url);
    const run = await start(group, ['-n', '1']);
    await publish(group, { do: 'posts' }, {});
    expect((await group.settled(2)).counters).toMatchObject({ processed: 2, failed: 0 });
    expect(logOf(run, 40)).toEqual([]);
    await run.kill();
  });

  test('leaves a timer behind that throws: the error is logged, and the thread goes on', async () => {
    const group = await groupOn(redis.url);
    const run = await start(group, ['-n', '1']);
    await publish(group, { do: 'strayThrow' });
    await run.line(/an error outside of any attempt, probably of the processor: a stray one/);
    await publish(group, {});
    await group.settled(2);
    const [before, after] = await group.outputs();
    expect(after?.data.threadId).toBe(before?.data.threadId);
    await run.kill();
  });
});

test('a module that can no longer be loaded: its messages go to other processes, and loading is retried until it succeeds', async () => {
  const group = await groupOn(redis.url);
  writeFileSync(join(cwd, 'replaced.mjs'), HANDLER);
  const flags = ['-n', '1', '--concurrency', '2', '--threads', '1'];
  const run = await group.start(['-p', 'replaced.mjs', ...flags], { cwd });
  writeFileSync(join(cwd, 'replaced.mjs'), 'throw new Error("half written");');
  await publish(group, { do: 'exitOnce' });
  await run.line(/cannot load the processor again, trying again: .*half written/);
  await publish(group, ...Array.from({ length: 20 }, () => ({})));
  await until(async () => (await group.read()).pending > 0);
  await run.line(/hand back their messages/);
  const other = await start(group, ['-n', '1']);
  const { counters } = await group.settled(21, 5_000);
  expect(counters).toMatchObject({ processed: 21, failed: 1, retried: 1, dead: 0 });
  const outputs = await group.outputs();
  expect(outputs.filter(({ data }) => data.attempt !== 1).map(({ messageId }) => messageId)).toEqual([
    'exitOnce-0',
  ]);
  await other.kill();

  await publish(group, ...Array.from({ length: 5 }, () => ({})));
  writeFileSync(join(cwd, 'replaced.mjs'), HANDLER);
  await run.line(/over after .*: a thread cannot load the processor again/);
  expect((await group.settled(26)).counters).toMatchObject({ processed: 26, failed: 1 });
  await run.kill();
});

test('log lines of a processor are in the log of the process, with the message that they are about', async () => {
  const group = await groupOn(redis.url);
  const next = await start(group, ['-n', '1']);
  await publish(group, { do: 'exitOnce' });
  await group.settled(1);
  const [{ inboxId, consumerId } = {}] = await group.outputs();
  const lines = logOf(next).filter(({ msg }) => msg === 'begun');
  const fields = {
    level: 30,
    does: 'exitOnce',
    consumer: consumerId,
    inboxId,
    process: `${hostname()}:${next.pid}`,
  };
  expect(lines).toMatchObject([
    { ...fields, attempt: 1 },
    { ...fields, attempt: 2 },
  ]);
  await next.kill();
});

describe('a stop while a thread is blocked', () => {
  test.each<[how: string, flags: string[]]>([
    ['one at a time', []],
    ['five at a time', ['--concurrency', '5']],
  ])('ends in time and hands back, %s', async (_, flags) => {
    const group = await groupOn(redis.url);
    const run = await start(group, ['-n', '2', '--threads', '1', '--shutdown-timeout', '2s', ...flags]);
    await publish(group, { do: 'loop' }, {}, {}, {});
    await run.line(/"begun"/);
    await until(async () => (await group.read()).counters.relayed === 4);
    const signalledAt = performance.now();
    expect(await run.kill()).toEqual({ code: 0, signal: null });
    // After its timeout a stop waits up to 1 s for a blocked thread.
    expect(performance.now() - signalledAt).toBeLessThan(2_000 + 1_000);
    expect(await group.listed()).toEqual([]);
    const { processed } = (await group.read()).counters;
    expect(await group.read()).toMatchObject({ pending: 0, retrying: 0, waiting: 4 - processed });
    const none = await group.start(['--size', '1']); // the built-in processor never loops
    const { counters } = await group.settled(4, 2_500);
    expect(counters).toMatchObject({ processed: 4, failed: 0, retried: 0 });
    await none.kill();
  });
});

describe('the setting threads', () => {
  async function threadsOf(...flags: string[]) {
    const group = await groupOn(redis.url);
    const run = await start(group, flags);
    await publish(group, ...Array.from({ length: 30 }, () => ({ wait: 5 })));
    await group.settled(30);
    await run.kill();
    const data = (await group.outputs()).map((output) => output.data);
    return {
      main: data.some((one) => one.isMainThread),
      count: new Set(data.map((one) => one.threadId)).size,
    };
  }

  test('0: on the main thread', async () => {
    expect(await threadsOf('--threads', '0', '-n', '3')).toEqual({ main: true, count: 1 });
  });

  test('a number: so many threads, shared by the consumers', async () => {
    expect(await threadsOf('--threads', '2', '-n', '3')).toEqual({ main: false, count: 2 });
  });

  test('a number above the consumers: one thread for each', async () => {
    expect(await threadsOf('--threads', '9', '-n', '2')).toEqual({ main: false, count: 2 });
  });
});
