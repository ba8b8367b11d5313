import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GroupOptions } from '../../src/index.js';
import { keysOf } from '../../src/redis/keys.js';
import { cgroup } from '../helpers/cli.js';
import { groupOn } from '../helpers/group.js';
import { makeGroup } from '../helpers/library.js';
import { withRedis } from '../helpers/redis.js';
import { entriesOf, flagsOf } from '../helpers/running.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const folder = mkdtempSync(join(tmpdir(), 'cgroup-exec-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const WORKER = `
import json, os, signal, subprocess, sys, time

def write(text):
    sys.stdout.write(text); sys.stdout.flush()

def send(**members):
    write(json.dumps({"jsonrpc": "2.0", **members}) + "\\n")

if "--hello" in sys.argv:
    send(id=1, method="hello", params={"name": "py", "concurrency": 1, "protocol": 1})
if "--end" in sys.argv:
    sys.exit("no module named orders")
if "--ignore-term" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
seen, welcome = [], None
for line in sys.stdin:
    request = json.loads(line)
    seen.append(request.get("method"))
    if "result" in request:
        welcome = request["result"]
    if request.get("method") != "process":
        continue
    params = request["params"]
    message, id = params["message"], request["id"]
    do = message.get("do")
    if do == "exit" or do == "exitOnce" and params["attempt"] == 1:
        sys.stderr.write("Traceback\\nboom\\n"); sys.stderr.flush(); os._exit(3)
    if do == "never":
        continue
    if do == "block":
        time.sleep(1000)
    if do == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    if do == "twice":
        send(id=id, result="first")
    if do == "unknown":
        send(id="nobody/1", result="x")
    if do == "rubbish":
        print("loading the model ..."); send(id=3, method="nope"); send(foo=1)
    if do == "binary":
        sys.stdout.buffer.write(b"\\xff\\x00\\xfe\\n"); sys.stdout.buffer.flush()
    if do == "quietExit":
        send(method="quiet"); os._exit(4)
    if do == "half":
        write('{"jsonrpc":"2.0","id":' + json.dumps(id)); os._exit(0)
    if do == "pieces":
        for one in json.dumps({"jsonrpc": "2.0", "id": id, "result": "é" * 50}, ensure_ascii=False) + "\\n":
            write(one)
        continue
    if do == "huge":
        for _ in range(100): write("x" * 2**20)
    if do == "logs":
        for n in range(20000): send(method="log", params={"level": "info", "msg": "log %d" % n})
    if do == "errors":
        for n in range(20000): sys.stderr.write("line %d\\n" % n)
        sys.stderr.flush()
    if do == "closeStdout":
        os.close(1); time.sleep(1000)
    if do == "sleep":
        time.sleep(message["s"])
    if do == "fail":
        send(id=id, error={"code": 1, "message": "out of stock", "data": {"dead": True}})
        continue
    if do == "quiet":
        send(method="quiet")
    if do == "extend":
        send(id="e1", method="extend", params={"delivery_id": id, "ms": 60000}); time.sleep(4.5)
    child = subprocess.Popen(["sleep", "1000"]).pid if do == "spawn" else None
    send(id=id, result={"pid": os.getpid(), "child": child, "attempt": params["attempt"], "params": params,
                        "seen": seen[-3:], "welcome": welcome, "env": sorted(os.environ)})
`;
const worker = join(folder, 'worker.py');
beforeAll(() => writeFileSync(worker, WORKER));

interface Result {
  readonly pid: number;
  readonly child: number | null;
  readonly attempt: number;
  readonly params: Record<string, unknown>;
  readonly seen: readonly string[];
  readonly welcome: Record<string, unknown> | null;
  readonly env: readonly string[];
}

/** A group with children of the worker above, and what the test looks at. */
async function groupWith(options: GroupOptions = {}, flags = '') {
  const lines: { level: string; text: string }[] = [];
  const logger = Object.fromEntries(
    ['debug', 'info', 'warn', 'error'].map((level) => [
      level,
      (_: object, text: string) => void lines.push({ level, text }),
    ]),
  );
  const log = { ...logger, child: () => log } as unknown as NonNullable<GroupOptions['logger']>;
  const space = redis.namespace();
  const made = makeGroup(space, {
    size: 1,
    backoff: '10ms',
    processor: `exec:python3 ${worker} ${flags}`,
    logger: log,
    ...options,
  });
  await made.group.start();
  const dead = async () =>
    (await entriesOf(made.raw, keysOf(space).dead)).map((letter) =>
      Object.fromEntries(Object.entries(letter).map(([name, value]) => [name, String(value)])),
    );
  return {
    ...made,
    lines,
    dead,
    said: (text: string | RegExp) => lines.filter((line) => line.text.match(text)),
    /** Publishes a message for each of these, and waits until all are settled. Returns the results by message id. */
    process: async (...works: (string | { do?: string; s?: number })[]) => {
      const messages = works.map((work, i) => ({
        message_id: `m${i}`,
        ...(typeof work === 'string' ? { do: work } : work),
      }));
      await made.publish(...messages);
      const all = await until(
        async () => {
          const entries = await made.raw.xrange(space.output, '-', '+');
          if (entries.length + (await dead()).length < works.length) return undefined;
          return entries.map(([, [, id, , , , , , data]]) => [
            String(id),
            JSON.parse(String(data)) as Result,
          ]);
        },
        { timeout: 25_000, what: `${works.length} messages to be settled` },
      );
      // Each message has one result, or one dead letter.
      expect(all.length + (await dead()).length).toBe(works.length);
      return Object.fromEntries(all) as Record<string, Result>;
    },
  };
}

const alive = (pid: number) => {
  try {
    // A zombie has ended: only its parent has not asked yet.
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};
const gone = (...pids: number[]) => until(() => !pids.some(alive), { what: `${pids} to end` });

describe('a child', () => {
  test('gets the message with what it must know, and none of our secrets', async () => {
    process.env.CGROUP_HTTP_TOKEN = 'secret';
    process.env.OURS = '1';
    const group = await groupWith({}, '--hello');
    delete process.env.CGROUP_HTTP_TOKEN;
    const { m0 } = await group.process({});
    expect(m0?.params).toMatchObject({
      message: { message_id: 'm0' },
      attempt: 1,
      deadline_ms: 60_000,
      consumer_id: expect.stringMatching(/-1$/),
      inbox_id: expect.stringMatching(/^\d+-\d+$/),
    });
    expect(m0?.env).toContain('OURS');
    expect(m0?.env.filter((name) => /^(CGROUP_|REDIS_URL)/.test(name))).toEqual([]);
    // Its hello may be answered after its first message.
    await group.publish({ message_id: 'm1' });
    const results = await until(async () => {
      const all = (await group.results()) as Result[];
      return all.length === 2 ? all : undefined;
    });
    expect(results.find(({ welcome }) => welcome)?.welcome).toMatchObject({
      group: 'cgroup',
      channel: group.space.channel,
      heartbeat: 1_000,
      lease: 3_000,
      concurrency: 1,
      resumed: [],
    });
  });

  test('fails, gives up, gets more time, answers in pieces', async () => {
    const group = await groupWith({ timeout: '4s' });
    const results = await group.process('fail', 'extend', 'pieces', {});
    expect(Object.keys(results).sort()).toEqual(['m1', 'm2', 'm3']);
    expect(results.m1?.attempt).toBe(1);
    expect(results.m2).toBe('é'.repeat(50));
    expect(await group.dead()).toMatchObject([{ reason: 'failed', error: 'out of stock', attempts: '1' }]);
  });

  test('answers twice, unknown deliveries, and writes what is no message: the log says so, all else goes on', async () => {
    const group = await groupWith({ concurrency: 2 });
    const results = await group.process('twice', 'unknown', 'rubbish', 'binary', {});
    expect(Object.keys(results)).toHaveLength(5);
    expect(results.m0).toBe('first');
    expect(new Set(['m1', 'm2', 'm3', 'm4'].map((id) => results[id]?.pid)).size).toBe(1);
    expect(group.said('an answer of the processor does not count').length).toBeGreaterThan(0);
    expect(group.said('stdout is for the protocol only; write logs to stderr').length).toBeGreaterThan(0);
    // However much of it comes, there are few lines.
    expect(group.said(/does not count|protocol only/).length).toBeLessThanOrEqual(2);
  });

  test('ends at one message among many: only this one has failed, and has a dead letter in the end', async () => {
    const group = await groupWith({ concurrency: 20, maxAttempts: 2 });
    await group.process({});
    const works = Array.from({ length: 40 }, (_, i) => (i === 7 ? 'exit' : i === 30 ? 'exitOnce' : {}));
    const again = await groupWith({ concurrency: 20, maxAttempts: 2 });
    const results = await again.process(...works);
    const attempts = Object.entries(results).filter(([, { attempt }]) => attempt !== 1);
    expect(attempts.map(([id, { attempt }]) => [id, attempt])).toEqual([['m30', 2]]);
    const error = expect.stringMatching(/^the processor ended: exit code 3; last line of stderr: "boom"$/);
    expect(await again.dead()).toMatchObject([{ reason: 'failed', error, attempts: '2' }]);
    expect(again.said(/^boom$/).length).toBeGreaterThan(0);
  });

  test('ends at one message again and again: it is started again at once three times, then after 1 s', async () => {
    const group = await groupWith({ maxAttempts: 4 });
    await group.process({}, 'exit');
    expect(await group.dead()).toMatchObject([{ attempts: '4' }]);
    await until(() => group.said(/exit code 3.*: started again in 1 s$/).length > 0);
    expect(group.said(/: started again in/).length).toBe(1);
  });

  test('writes half a line and ends, or a line that is too long: a failed attempt that says so', async () => {
    const group = await groupWith({ maxAttempts: 1 });
    await group.process({});
    await group.publish({ message_id: 'half', do: 'half' }, { message_id: 'huge', do: 'huge' });
    await until(async () => (await group.dead()).length === 2);
    expect((await group.dead()).map(({ error }) => error)).toEqual([
      'the processor ended: exit code 0',
      expect.stringMatching(/^the program was killed: it wrote a line of more than 67174400 bytes to stdout/),
    ]);
    await group.publish({ message_id: 'later' });
    await until(async () => (await group.results()).length === 2);
  });

  test.each(['never', 'block', 'stop', 'closeStdout'])(
    'does not answer (%s): the attempt has failed at its timeout, the child is replaced, the others are done',
    async (what) => {
      const group = await groupWith({ concurrency: 3, timeout: '4s', maxAttempts: 1 });
      const before = (await group.process({})).m0?.pid;
      await group.publish(
        { message_id: 'x0', do: what },
        { message_id: 'x1', do: 'sleep', s: 0 },
        { message_id: 'x2' },
      );
      await until(async () => (await group.dead()).length + (await group.results()).length >= 4, {
        timeout: 20_000,
      });
      await until(
        async () => {
          await group.publish({ message_id: 'later' });
          return ((await group.results()) as Result[]).some(({ pid }) => pid !== before);
        },
        { timeout: 20_000, every: 300, what: 'another child to answer' },
      );
      if (what === 'never')
        expect(
          group.said(/^the program was killed: it gave no answer within 5000 ms\. Does it flush each line/)
            .length,
        ).toBeGreaterThan(0);
      for (const { error } of await group.dead()) expect(error).toMatch(/no answer .* 4000 ms|closed stdout/);
      await gone(Number(before));
    },
  );

  test.each([
    ['logs', /^log \d+$/],
    ['errors', /^line \d+$/],
  ])(
    'floods the log (%s): some lines are written, the others are counted, the messages go on',
    async (what, line) => {
      const group = await groupWith();
      const results = await group.process(what, {});
      expect(Object.keys(results)).toHaveLength(2);
      await until(() => group.said(/lines were dropped: the processor logs too fast/).length > 0);
      expect(group.said(line).length).toBeGreaterThanOrEqual(1_000);
      expect(group.said(line).length).toBeLessThan(10_000);
    },
  );

  test('says quiet: it gets nothing more, ends, and another one takes its place at once, without a failed attempt', async () => {
    const group = await groupWith();
    const results = await group.process('quiet', {}, {});
    expect(Object.values(results).map(({ attempt }) => attempt)).toEqual([1, 1, 1]);
    expect(results.m1?.pid).toBe(results.m2?.pid);
    expect(results.m1?.pid).not.toBe(results.m0?.pid);
    expect(group.said(/the processor ended/)).toEqual([]);
    await gone(Number(results.m0?.pid));
  });

  test('ends at once, and always did: no attempt is counted, and its messages go to a process whose child works', async () => {
    const broken = await groupWith({}, '--end');
    await broken.publish({ message_id: 'm0' });
    await until(
      () => broken.said('no child of this command has ever answered: no attempt is counted').length > 0,
    );
    expect(broken.said('last line of stderr: "no module named orders"').length).toBeGreaterThan(0);
    await until(() => broken.said('its consumer hands back its messages').length > 0, { timeout: 15_000 });
    const other = makeGroup(broken.space, { processor: `exec:python3 ${worker}`, size: 1 });
    await other.group.start();
    await until(async () => (await broken.results()).length === 1);
    expect(await broken.results()).toMatchObject([{ attempt: 1 }]);
    expect((await broken.group.status()).counters).toMatchObject({ failed: 0, dead: 0 });
  });

  test('says quiet and ends without an answer, again and again: its message has failed in the end', async () => {
    const group = await groupWith({ maxAttempts: 2 });
    const results = await group.process({}, 'quietExit', {});
    expect(Object.keys(results)).toEqual(['m0', 'm2']);
    expect(await group.dead()).toMatchObject([{ reason: 'failed', attempts: '2' }]);
  });

  test('says hello and ends, again and again: it is not started without a pause', async () => {
    const group = await groupWith({ maxAttempts: 1_000 }, '--hello --end');
    await group.publish({ message_id: 'm0' });
    await until(() => group.said(/no module named orders.*started again in \d+ s/).length > 0);
  });

  test('is ended with all that it has started, also if it ignores SIGTERM', async () => {
    const group = await groupWith({}, '--ignore-term');
    const { m0 } = await group.process('spawn');
    const pids = [Number(m0?.pid), Number(m0?.child)];
    expect(pids.map(alive)).toEqual([true, true]);
    await group.group.stop();
    // Killed, but the system may need a moment for it.
    await gone(...pids);
  });

  test('of a consumer that leaves ends, and the others stay', async () => {
    const group = await groupWith({ size: 2 });
    await until(async () => {
      await group.publish({ message_id: 'x' });
      return new Set(((await group.results()) as Result[]).map(({ pid }) => pid)).size === 2;
    });
    const pids = [...new Set(((await group.results()) as Result[]).map(({ pid }) => pid))];
    await group.group.scale(1);
    await until(() => pids.filter(alive).length === 1);
  });
});

test('kill -9 of a process leaves no child behind, and another process does its messages', async () => {
  const group = await groupOn(redis.url);
  const flags = ['-n', '1', '-p', `exec:python3 ${worker} --ignore-term`, '--concurrency', '2'];
  const run = await group.start(flags);
  await group.raw.publish(group.space.channel, '{"message_id":"a","do":"spawn"}');
  await group.settled(1);
  const [first] = await group.outputs();
  const { pid, child } = (first?.data ?? {}) as unknown as Result;
  await group.raw.publish(group.space.channel, '{"message_id":"b","do":"sleep","s":2}');
  await until(async () => (await group.read()).pending > 0);
  await run.kill('SIGKILL');
  await gone(pid, Number(child));
  const other = await group.start(flags);
  await group.settled(2);
  expect((await group.outputs()).map(({ messageId }) => messageId)).toEqual(['a', 'b']);
  expect((await other.kill()).code).toBe(0);
});

test.each([
  ['exec:no-such-program --x', 'there is no program no-such-program on the PATH'],
  ['exec:python3 a.py | tee b', "exec:sh -c '…'"],
])('%s is refused at the start, with exit code 2', async (processor, why) => {
  const run = cgroup(['start', ...flagsOf(redis.namespace()), '-p', processor]);
  expect((await run.exit).code).toBe(2);
  expect(run.stderr()).toContain(why);
});
