import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type CliRun, cgroup } from '../helpers/cli.js';
import { groupOn } from '../helpers/group.js';
import { freshRedis, withRedis } from '../helpers/redis.js';
import { logOf } from '../helpers/running.js';
import { until } from '../helpers/until.js';

const shared = withRedis();

/** Text that tries to clear the screen, to reverse the text after it, and to forge log lines. */
const HOSTILE = '\u001b[2J\u009b31m\u202e\r\n[12:00:00] INFO: forged\n{"level":30,"msg":"forged"}';

async function module(source: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cgroup-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'handler.mjs');
  await writeFile(file, source);
  return file;
}

/** A processor that fails each message with a hostile error, and logs hostile text. */
const hostileModule = () =>
  module(`const evil = ${JSON.stringify(HOSTILE)};
    export default (message, { log }) => {
      log.info({ [evil]: evil, deep: { text: evil } }, evil);
      setTimeout(() => { throw new Error(evil); });
      throw new Error(evil + message.message_id);
    };`);

describe('the log', () => {
  it.each([
    ['json', 'info'],
    ['json', 'debug'],
    ['pretty', 'info'],
    ['pretty', 'debug'],
  ])('escapes control characters, so no message can forge a line: %s at %s', async (format, level) => {
    const group = await groupOn(shared.url);
    const args = ['-n', '1', '-p', await hostileModule(), '--max-attempts', '1'];
    const run = cgroup(['start', ...group.flags, ...args, '--log-format', format, '--log-level', level]);
    await run.line(/ready: /);
    await group.publish([HOSTILE, 'b']);
    await group.raw.publish(group.space.channel, HOSTILE);
    await group.settled(3);
    await run.line(/new dead letters?/);
    await run.kill();
    const text = run.stderr();
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the text must not contain them
    expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
    expect(text).toContain('\\u001b[2J');
    const lines = text.split('\n').slice(0, -1);
    const own =
      format === 'json' ? /^\{"level":\d+,"time":/ : /^(\[\d\d:\d\d:\d\d\] [A-Z]+: | {4,}|\s*[}"\]])/;
    for (const line of lines) {
      expect(line).toMatch(own);
      expect(line).not.toMatch(/^\[12:00:00\]|^\{"level":30,"msg"/);
    }
  });

  it('names group and process in every line, and consumer, message and attempt in lines about an attempt', async () => {
    const group = await groupOn(shared.url);
    const file = await module(`export default ({ message_id }, { attempt, log }) => {
      if (message_id === 'odd') { log.warn({}, 'odd one'); throw new Error('no'); }
      if (message_id === 'stuck' && attempt === 1) for (;;);
      return {};
    };`);
    const args = ['-n', '2', '-p', file, '--max-attempts', '2', '--backoff', '1ms', '--timeout', '300ms'];
    const run = await group.start([...args, '--log-level', 'debug']);
    await group.publish(['odd']);
    await group.settled(1);
    await group.publish(['stuck']);
    await group.settled(2);
    await run.line(/new dead letter/);
    await run.kill();
    const lines = logOf(run);
    for (const line of lines)
      expect(line).toMatchObject({
        group: 'cgroup',
        output: group.space.output,
        process: `${hostname()}:${run.pid}`,
      });
    const about = (pattern: RegExp) => lines.filter(({ msg }) => pattern.test(msg));
    const one = {
      consumer: expect.stringContaining(String(run.pid)),
      inboxId: expect.stringMatching(/^\d+-\d+$/),
    };
    expect(about(/^odd one$/).map(({ attempt }) => attempt)).toEqual([1, 2]);
    for (const line of about(/^odd one$|^attempt \d failed|new dead letter|keeps its thread busy/))
      expect(line).toMatchObject({ ...one, attempt: expect.any(Number) });
    expect(about(/keeps its thread busy/)).toHaveLength(1);
    expect(about(/this bridge leads/)[0]).toHaveProperty('bridge');
    // No line has a field twice: a child logger could repeat those of its parent.
    for (const line of run.stderr().split('\n').slice(0, -1)) {
      const names = [...line.matchAll(/(?<=[{,])"(\w+)":/g)].map(([, name]) => name);
      const top = Object.keys(JSON.parse(line) as object);
      for (const name of top) expect(names.filter((other) => other === name).length).toBe(1);
    }
  });

  it('says once which bridge leads and which it follows, and again when that changes', async () => {
    const group = await groupOn(shared.url);
    const roles = (run: CliRun) =>
      logOf(run, 30)
        .map(({ msg }) => msg)
        .filter((msg) => /^this bridge /.test(msg));
    const first = await group.start(['-n', '1']);
    const second = await group.start(['-n', '1']);
    const idOf = async (run: CliRun) => {
      const id = (await group.listed()).find((one) => one.includes(`-${run.pid}-`));
      return String(id).replace(/-1$/, '');
    };
    const [one, two] = [await idOf(first), await idOf(second)];
    expect(roles(first)).toEqual(['this bridge leads']);
    await until(() => roles(second).length > 0);
    expect(roles(second)).toEqual([`this bridge follows ${one}`]);
    await first.kill();
    await second.line(/this bridge leads/);
    const third = await group.start(['-n', '1']);
    await until(() => roles(third).length > 0);
    expect(roles(third)).toEqual([`this bridge follows ${two}`]);
    expect(roles(second)).toEqual([`this bridge follows ${one}`, 'this bridge leads']);
    await third.kill();
    await second.kill();
  });

  it('has a line per kind of event, not per message', async () => {
    const group = await groupOn(shared.url);
    const file = await module(`export default ({ message_id }, { attempt }) => {
      if (attempt === 1 && message_id.endsWith('1')) throw new Error('try again');
      if (message_id.endsWith('2')) throw new Error('never');
      void Promise.reject(new Error('left behind'));
      return {};
    };`);
    const run = await group.start(['-n', '3', '-p', file, '--max-attempts', '2', '--backoff', '1ms']);
    await group.publish(2_000);
    await group.settled(2_000);
    await run.line(/new dead letters/);
    await run.kill();
    expect(logOf(run).length).toBeLessThan(20);
    const dead = logOf(run).map(({ msg, count }) => (/new dead letter/.test(msg) ? Number(count) : 0));
    expect(dead.reduce((sum, count) => sum + count, 0)).toBe(200);
    const strays = logOf(run).map(({ msg, count }) =>
      /outside of any attempt/.test(msg) ? Number(count) : 0,
    );
    expect(strays.reduce((sum, count) => sum + count, 0)).toBe(1_800);
  });

  it('warns that no attempt succeeds long before the first dead letter, and says when one does again', async () => {
    const group = await groupOn(shared.url);
    const file = await module(`export default ({ message_id }, { attempt }) => {
      if (message_id === 'good') return {};
      throw new Error('no such order');
    };`);
    const run = await group.start(['-n', '2', '-p', file, '--backoff', '20s']);
    await group.publish(500);
    await run.line(/"msg":"no attempt succeeds: [\d,]+ failed in 1\.\d s, .*\(failed\): no such order"/);
    expect((await group.read()).counters).toMatchObject({ processed: 0, dead: 0 });
    await group.publish(['good']);
    await run.line(/"msg":"over after \d+\.\d s: no attempt succeeds"/);
    await run.kill();
    expect(logOf(run, 40)).toHaveLength(1);
  });

  it.each(['0', '1'])(
    'survives what cannot even be looked at, thrown outside of any attempt, with --threads %s',
    async (threads) => {
      const group = await groupOn(shared.url);
      const file = await module(`
        const refuse = () => { throw new Error('do not look'); };
        const traps = { get: refuse, getPrototypeOf: refuse, has: refuse, ownKeys: refuse };
        const hostile = [
          Object.create(null), new Proxy(new Error(), traps), new Proxy({}, traps),
          Object.defineProperty(new Error(), 'message', { get: refuse }),
          Object.defineProperty(new Error('x'), 'stack', { get: refuse }),
        ];
        export default () => {
          for (const one of hostile) { setTimeout(() => { throw one; }); Promise.reject(one); }
          return new Promise((resolve) => setTimeout(resolve, 20, 1));
        };`);
      const run = await group.start(['-n', '1', '-p', file, '--threads', threads, '--log-level', 'debug']);
      await group.publish(3);
      expect((await group.settled(3)).counters).toMatchObject({ processed: 3, failed: 0 });
      await run.line(/outside of any attempt, .*: a value that cannot be shown/);
      expect((await run.kill()).code).toBe(0);
      expect(run.stderr()).not.toMatch(/ended its thread/);
    },
  );

  it('reports all entries taken over from a dead consumer in one or two lines', async () => {
    const group = await groupOn(shared.url);
    const flags = ['--claim-after', '1s', '--heartbeat', '200ms', '--batch', '100', '-n', '1'];
    const slow = await group.start([...flags, '--simulate-ms', '60000']);
    await group.publish(100);
    const pending = await until(async () => {
      const held = (await group.read()).pending;
      return held >= 50 ? held : undefined;
    });
    await slow.kill('SIGKILL');
    const run = await group.start(flags.filter((one) => one !== '--batch' && one !== '100'));
    await group.settled(100);
    await run.kill();
    const lines = logOf(run).filter(({ msg }) => /^took over/.test(msg));
    expect(lines.length).toBeLessThanOrEqual(2);
    expect(lines.reduce((sum, { entries }) => sum + Number(entries), 0)).toBe(pending);
  });

  it('contains no secret from URLs, errors or fields, even at debug', async () => {
    const server = await freshRedis(['--requirepass', 'geh%eim/1']);
    const url = server.url.replace('redis://', `redis://:${encodeURIComponent('geh%eim/1')}@`);
    const file = await module(`export default (message, { log }) => {
      log.info({ redis: ${JSON.stringify(url)}, password: 'other1' }, 'connect to ${url}');
      throw new Error('cannot reach amqp://me:other2@queue, nor ${url}');
    };`);
    const group = await groupOn(url);
    const run = await group.start([
      '-n',
      '1',
      '-p',
      file,
      '--max-attempts',
      '2',
      '--backoff',
      '1ms',
      '--log-level',
      'debug',
    ]);
    await group.publish(['a']);
    await group.settled(1);
    await run.line(/new dead letter/);
    await server.restart(); // causes connection errors
    await run.line(/over after|subscribes anew/);
    await run.kill();
    const text = run.stderr() + run.stdout();
    expect(text).toContain('amqp://me:***@queue');
    for (const secret of ['geh%eim', 'geh%25eim', 'other1', 'other2']) expect(text).not.toContain(secret);
  });
});
