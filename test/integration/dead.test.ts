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

/** A group with `messages` published to it, once all of them are dead letters; it is stopped with the test. */
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
  it('says so when there are none', async () => {
    const names = shared.namespace();
    expect(await dead(names, 'list')).toMatchObject({ code: 0, stdout: 'no dead letters\n' });
    expect((await dead(names, 'list', '--json')).stdout).toBe('[]\n');
  });

  it('shows the newest first, as many as asked for, and what there is to them', async () => {
    const names = shared.namespace();
    await groupWithDead(names, ['first', 'second', '{"third":1}']);
    const letters = JSON.parse((await dead(names, 'list', '--json')).stdout);
    expect(letters.map((letter: { message: string }) => letter.message)).toEqual([
      '{"third":1}',
      'second',
      'first',
    ]);
    expect(letters[0]).toMatchObject({
      reason: 'no-message-id',
      attempts: 0,
      id: expect.stringMatching(/^\d+-\d+$/),
    });
    const { stdout } = await dead(names, 'list', '--limit', '1');
    expect(stdout).toContain('{"third":1}');
    expect(stdout).not.toContain('second');
    expect(stdout).toContain('the newest 1 of 3');
  });

  it('lets no payload move the cursor or forge a line, and keeps the bytes', async () => {
    const names = shared.namespace();
    const hostile = Buffer.from('\x1b[2J\u202eevil\r\n1-1  forged\xff', 'latin1');
    await groupWithDead(names, [hostile]);
    const list = (await dead(names, 'list')).stdout;
    const [letter] = JSON.parse((await dead(names, 'list', '--json')).stdout);
    const show = (await dead(names, 'show', letter.id)).stdout;
    for (const text of [list, show]) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\u202e]/);
      expect(text).toContain('\\u001b[2J');
      expect(text).not.toMatch(/^1-1/m);
    }
    expect(Buffer.from(letter.message_base64, 'base64')).toEqual(hostile);
    expect(show).toContain(letter.message_base64);
  });
});

describe('dead show', () => {
  it('names what is not there, and what is no id', async () => {
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
  it('has the messages processed once the cause is mended, each once', async () => {
    const names = shared.namespace();
    const folder = await mkdtemp(join(tmpdir(), 'cgroup-test-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const handler = join(folder, 'handler.mjs');
    const mended = join(folder, 'mended');
    await writeFile(
      handler,
      `import { existsSync } from 'node:fs';
       export default (message, { deadLetter }) => {
         if (!existsSync(${JSON.stringify(mended)})) throw new Error('not yet');
         return message;
       };`,
    );
    const messages = ['a', 'b', 'c', 'd'].map((id) => JSON.stringify({ message_id: id }));
    await groupWithDead(names, messages, ['-p', handler, '--max-attempts', '1']);
    await writeFile(mended, '');

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

  it('ends, though a message dies again each time', async () => {
    const names = shared.namespace();
    await groupWithDead(names, ['poison', 'poison']);
    expect((await dead(names, 'retry', '--all')).stdout).toBe('sent 2 dead letters back to the inbox\n');
    await until(async () => (await redis.xlen(`cgroup:{${names.output}}:dead`)) === 2);
    expect(await verified(names)).toMatchObject({ ok: true, relayed: 2, dead: 2 });
  });

  it('sends back those that are there, and names the others', async () => {
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
  it('deletes them all, and verify still knows that they died', async () => {
    const names = shared.namespace();
    await groupWithDead(names, ['poison', 'poison']);
    expect(await dead(names, 'purge')).toMatchObject({ code: 0, stdout: 'deleted 2 dead letters\n' });
    expect((await dead(names, 'list')).stdout).toBe('no dead letters\n');
    expect(await verified(names)).toMatchObject({ ok: true, dead: 2, lost: 0 });
  });

  it('asks on a terminal first, and deletes them only for a yes, or --yes', async () => {
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
    for (const [args, told] of [
      [['--yes'], /^deleted 1 dead letter$/],
      // Where there is none, there is nothing to ask.
      [[], /^deleted 0 dead letters$/],
    ] as const) {
      const unasked = purge(...args);
      expect((await unasked.exit).code).toBe(0);
      await unasked.shows(told);
    }
  });

  it('deletes those that there were when it asked, and not what dies meanwhile', async () => {
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

  it('does nothing where nobody would see the question', async () => {
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
