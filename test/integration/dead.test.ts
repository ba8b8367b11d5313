import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type CliRun, cgroup } from '../helpers/cli.js';
import { type Namespace, withRedis } from '../helpers/redis.js';
import { flagsOf } from '../helpers/running.js';
import { onTerminal } from '../helpers/terminal.js';
import { until } from '../helpers/until.js';

const shared = withRedis();
let redis: Redis;
beforeAll(() => {
  redis = new Redis(shared.url);
});
afterAll(() => redis.disconnect());

const groups: CliRun[] = [];
afterEach(async () => {
  await Promise.all(groups.splice(0).map((group) => group.kill()));
});

/** Runs a subcommand of `dead` to its end. */
async function dead(names: Namespace, ...args: string[]) {
  const run = cgroup(['dead', ...args, ...flagsOf(names)]);
  const { code } = await run.exit;
  return { code, stdout: run.stdout(), stderr: run.stderr() };
}

/** Starts a group, publishes `messages`, and waits until all are dead letters. The group ends with the test. */
async function groupWithDead(names: Namespace, messages: (string | Buffer)[], args: string[] = []) {
  const run = cgroup(['start', ...flagsOf(names), '--size', '1', ...args]);
  groups.push(run);
  await run.line(/ready/);
  for (const message of messages) await redis.publish(names.channel, message);
  await until(async () => (await redis.xlen(`cgroup:{${names.output}}:dead`)) === messages.length);
}

async function verified(names: Namespace) {
  const run = cgroup(['verify', ...flagsOf(names), '--json']);
  await run.exit;
  return JSON.parse(run.stdout());
}

describe('dead list', () => {
  it('says that there are none', async () => {
    const names = shared.namespace();
    expect(await dead(names, 'list')).toMatchObject({ code: 0, stdout: 'no dead letters\n' });
    expect((await dead(names, 'list', '--json')).stdout).toBe('[]\n');
  });

  it('shows the newest first, with reason, attempts and id, and no more than --limit', async () => {
    const names = shared.namespace();
    await groupWithDead(names, ['first', 'second', '{"third":1}']);
    const deadLetters = JSON.parse((await dead(names, 'list', '--json')).stdout);
    expect(deadLetters.map((deadLetter: { message: string }) => deadLetter.message)).toEqual([
      '{"third":1}',
      'second',
      'first',
    ]);
    expect(deadLetters[0]).toMatchObject({
      reason: 'no-message-id',
      attempts: 0,
      id: expect.stringMatching(/^\d+-\d+$/),
    });
    const { stdout } = await dead(names, 'list', '--limit', '1');
    expect(stdout).toContain('{"third":1}');
    expect(stdout).not.toContain('second');
    expect(stdout).toContain('the newest 1 of 3');
  });

  it('escapes control characters of a payload, and keeps its bytes', async () => {
    const names = shared.namespace();
    const hostile = Buffer.from('\x1b[2J\u202eevil\r\n1-1  forged\xff', 'latin1');
    await groupWithDead(names, [hostile]);
    const list = (await dead(names, 'list')).stdout;
    const [deadLetter] = JSON.parse((await dead(names, 'list', '--json')).stdout);
    const show = (await dead(names, 'show', deadLetter.id)).stdout;
    for (const text of [list, show]) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: the text must not contain them
      expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\u202e]/);
      expect(text).toContain('\\u001b[2J');
      expect(text).not.toMatch(/^1-1/m);
    }
    expect(Buffer.from(deadLetter.message_base64, 'base64')).toEqual(hostile);
    expect(show).toContain(deadLetter.message_base64);
  });
});

describe('dead show', () => {
  it.each([
    { where: 'in threads', args: ['--max-attempts', '2', '--backoff', '10ms'] },
    { where: 'at the first attempt', args: ['--max-attempts', '1'] },
    { where: 'with order key', args: ['--max-attempts', '1', '--order', 'key', '--order-key', 'message_id'] },
    { where: 'with a record', args: ['--max-attempts', '1', '--record', 'redis'] },
  ])('has the stack of the error, without our frames: $where', async ({ args }) => {
    const names = shared.namespace();
    const folder = await mkdtemp(join(tmpdir(), 'cgroup-test-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const handler = join(folder, 'handler.mjs');
    await writeFile(
      handler,
      `function charge() { throw new TypeError('no card of redis://ann:secret@db\\u001b[2J'); }
       export default async (message, { deadLetter }) => {
         if (message.message_id === 'given up') deadLetter('not for us');
         if (message.message_id === 'text') throw 'a text';
         charge();
       };`,
    );
    const ids = ['failed', 'given up', 'text'];
    const messages = ids.map((id) => JSON.stringify({ message_id: id }));
    await groupWithDead(names, messages, ['-p', handler, ...args]);
    const letters = JSON.parse((await dead(names, 'list', '--json')).stdout) as {
      id: string;
      message: string;
      stack?: string;
    }[];
    const letterOf = (id: string) => letters.find(({ message }) => message.includes(`"${id}"`));
    const failed = letterOf('failed');
    expect(failed?.stack?.split('\n')).toEqual([
      'TypeError: no card of redis://ann:***@db\u001b[2J',
      expect.stringMatching(/^ {4}at charge \(file:.*handler\.mjs:1:\d+\)$/),
      expect.stringMatching(/handler\.mjs:5:\d+\)?$/),
    ]);
    expect(letterOf('given up')?.stack).toMatch(/^GivenUp: not for us\n {4}at .*handler\.mjs:3:/);
    expect(letterOf('text')).not.toHaveProperty('stack');
    const shown = (await dead(names, 'show', failed?.id ?? '')).stdout;
    expect(shown).toMatch(/\n {4}at charge \(file:.*handler\.mjs:1:\d+\)\n/);
    expect(shown).not.toContain('\u001b');
    expect(await verified(names)).toMatchObject({ ok: true, dead: 3 });
  });

  it('refuses an unknown id and a malformed one', async () => {
    const names = shared.namespace();
    expect(await dead(names, 'show', '1-1')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no dead letter 1-1'),
    });
    expect(await dead(names, 'show', 'x')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('looks like'),
    });
  });
});

describe('dead retry', () => {
  it('sends the messages back to the inbox: each has one result', async () => {
    const names = shared.namespace();
    const folder = await mkdtemp(join(tmpdir(), 'cgroup-test-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const handler = join(folder, 'handler.mjs');
    const fixed = join(folder, 'fixed');
    await writeFile(
      handler,
      `import { existsSync } from 'node:fs';
       export default (message, { deadLetter }) => {
         if (!existsSync(${JSON.stringify(fixed)})) throw new Error('not yet');
         return message;
       };`,
    );
    const messages = ['a', 'b', 'c', 'd'].map((id) => JSON.stringify({ message_id: id }));
    await groupWithDead(names, messages, ['-p', handler, '--max-attempts', '1']);
    await writeFile(fixed, '');

    const [{ id }] = JSON.parse((await dead(names, 'list', '--json')).stdout);
    expect(await dead(names, 'retry', id)).toMatchObject({
      code: 0,
      stdout: 'sent 1 dead letter back to the inbox\n',
    });
    expect(JSON.parse((await dead(names, 'retry', '--all', '--json')).stdout)).toEqual({ retried: 3 });
    await until(async () => (await redis.xlen(names.output)) === 4);
    const entries = await redis.xrange(names.output, '-', '+');
    expect(entries.map(([, fields]) => fields[1]).sort()).toEqual(['a', 'b', 'c', 'd']);
    expect(await verified(names)).toMatchObject({ ok: true, relayed: 4, processed: 4, dead: 0, backlog: 0 });
  });

  it('with --all ends, even if each message dies again', async () => {
    const names = shared.namespace();
    await groupWithDead(names, ['poison', 'poison']);
    expect((await dead(names, 'retry', '--all')).stdout).toBe('sent 2 dead letters back to the inbox\n');
    await until(async () => (await redis.xlen(`cgroup:{${names.output}}:dead`)) === 2);
    expect(await verified(names)).toMatchObject({ ok: true, relayed: 2, dead: 2 });
  });

  it('sends back the dead letters that exist, and names the unknown ids', async () => {
    const names = shared.namespace();
    await groupWithDead(names, ['poison']);
    const [{ id }] = JSON.parse((await dead(names, 'list', '--json')).stdout);
    expect(await dead(names, 'retry', id, '1-1')).toMatchObject({
      code: 1,
      stdout: 'sent 1 dead letter back to the inbox\n',
      stderr: expect.stringContaining('no dead letter 1-1'),
    });
  });

  it.each([[[]], [['1-1', '--all']], [['no-id']], [['18446744073709551616-0']]])(
    'refuses %j',
    async (args) => {
      expect(await dead(shared.namespace(), 'retry', ...args)).toMatchObject({ code: 2, stdout: '' });
    },
  );
});

describe('dead purge', () => {
  it('deletes all dead letters; verify still counts them', async () => {
    const names = shared.namespace();
    await groupWithDead(names, ['poison', 'poison']);
    expect(await dead(names, 'purge')).toMatchObject({ code: 0, stdout: 'deleted 2 dead letters\n' });
    expect((await dead(names, 'list')).stdout).toBe('no dead letters\n');
    expect(await verified(names)).toMatchObject({ ok: true, dead: 2, lost: 0 });
  });

  it('asks on a terminal first, and deletes only after a yes or with --yes', async () => {
    const names = shared.namespace();
    await groupWithDead(names, ['poison', 'poison']);
    const purge = (...more: string[]) => onTerminal(['dead', 'purge', ...flagsOf(names), ...more]);
    for (const answer of ['\r', 'no\r', '\u0003', '\u0004']) {
      const run = purge();
      await run.shows(/^Delete 2 dead letters of messages:processed:\S+ for good\? \[y\/N\]/);
      run.type(answer);
      expect(await run.exit).toEqual({ code: 1, restored: true });
      await run.shows(/^deleted 0 dead letters$/m);
    }
    const run = purge();
    await run.shows(/\[y\/N\]/);
    run.type('y\r');
    expect(await run.exit).toEqual({ code: 0, restored: true });
    await run.shows(/^deleted 2 dead letters$/m);

    await groupWithDead(names, ['poison']);
    for (const [args, line] of [
      [['--yes'], /^deleted 1 dead letter$/],
      // Without dead letters there is no question.
      [[], /^deleted 0 dead letters$/],
    ] as const) {
      const unasked = purge(...args);
      expect((await unasked.exit).code).toBe(0);
      await unasked.shows(line);
    }
  });

  it('deletes the dead letters that it asked about, not those that come meanwhile', async () => {
    const names = shared.namespace();
    await groupWithDead(names, ['poison', 'poison']);
    const run = onTerminal(['dead', 'purge', ...flagsOf(names)]);
    await run.shows(/Delete 2 dead letters .*\[y\/N\]/);
    await redis.publish(names.channel, 'later');
    const left = async () =>
      (await redis.xrange(`cgroup:{${names.output}}:dead`, '-', '+')).map(([, f]) => f);
    await until(async () => (await left()).length === 3);
    run.type('y\r');
    expect(await run.exit).toEqual({ code: 0, restored: true });
    await run.shows(/^deleted 2 dead letters$/m);
    expect(await left()).toEqual([expect.arrayContaining(['later'])]);
    expect(await verified(names)).toMatchObject({ ok: true, dead: 3, lost: 0 });
  });

  it('refuses without --yes if stderr is not a terminal', async () => {
    const names = shared.namespace();
    await groupWithDead(names, ['poison']);
    const folder = await mkdtemp(join(tmpdir(), 'cgroup-test-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const errors = join(folder, 'err.log');
    const flags = flagsOf(names);
    const run = onTerminal(['dead', 'purge', ...flags], { errors });
    expect(await run.exit).toEqual({ code: 2, restored: true });
    expect(await readFile(errors, 'utf8')).toContain('give --yes');
    expect(await redis.xlen(`cgroup:{${names.output}}:dead`)).toBe(1);
    const sure = onTerminal(['dead', 'purge', '--yes', ...flags], { errors });
    expect(await sure.exit).toEqual({ code: 0, restored: true });
    expect(await redis.xlen(`cgroup:{${names.output}}:dead`)).toBe(0);
  });
});
