import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ConsumerGroup, type GroupOptions, SettingsError } from '../../src/index.js';
import { keysOf } from '../../src/redis/keys.js';
import { makeGroup } from '../helpers/library.js';
import { withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();

/** The number of connections of cgroup to the server of this file. */
async function connections(raw: Redis): Promise<number> {
  return [...String(await raw.client('LIST')).matchAll(/ name=cgroup:/g)].length;
}

describe('start and stop', () => {
  test('processes all messages published after start resolved; stop leaves no id and no connection', async () => {
    const { group, publish, results, listed, raw } = makeGroup(redis.namespace());
    await group.start();
    expect(await listed()).toHaveLength(2);
    await publish({ message_id: 'a', n: 1 });
    await until(async () => (await results()).length === 1);
    expect(await results()).toEqual([{ message_id: 'a', n: 1, random: expect.any(Number) }]);
    await group.stop();
    expect(await listed()).toEqual([]);
    await until(async () => (await connections(raw)) === 0);
  });

  test('start and stop are idempotent', async () => {
    const { group, listed } = makeGroup(redis.namespace());
    await Promise.all([group.start(), group.start()]);
    await group.start();
    expect(await listed()).toHaveLength(2);
    await Promise.all([group.stop(), group.stop()]);
    await group.stop();
    expect(await listed()).toEqual([]);
  });

  test('stop works before start; a stopped group refuses to start', async () => {
    const { group, listed } = makeGroup(redis.namespace());
    await expect(group.pause()).rejects.toThrow('start it first');
    await group.stop();
    await expect(group.start()).rejects.toMatchObject({ code: 'STATE' });
    for (const size of [undefined, Number.NaN])
      await expect(group.scale(size as number)).rejects.toMatchObject({ code: 'SETTINGS' });
    await expect(group.scale(3)).rejects.toThrow('was stopped: make a new one');
    await expect(group.pause()).rejects.toThrow('was stopped: make a new one');
    expect(await listed()).toEqual([]);
  });

  test('stop at any moment of a start: the group has stopped when stop resolves', async () => {
    // A start waits for Redis about 50 times.
    for (let turns = 0; turns < 60; turns += 3) {
      const { group, listed, raw } = makeGroup(redis.namespace());
      let ready = false;
      group.on('ready', () => {
        ready = true;
      });
      const starting = group.start();
      for (let i = 0; i < turns; i++) await raw.ping();
      await group.stop();
      const readyBefore = ready;
      expect(await starting).toBeUndefined();
      expect(ready).toBe(readyBefore);
      expect(await listed()).toEqual([]);
      await until(async () => (await connections(raw)) === 0);
    }
  });

  test('a start that fails leaves nothing behind, and can be stopped', async () => {
    const { group, raw, space } = makeGroup(redis.namespace());
    await raw.set(keysOf(group.settings).inbox, 'foreign');
    await expect(group.start()).rejects.toMatchObject({ code: 'KEY_TYPE' });
    await group.stop();
    await until(async () => (await connections(raw)) === 0);
    expect(await raw.exists(space.consumerList)).toBe(0);
  });

  test('without a Redis, start rejects after some seconds, and stop resolves within shutdownTimeout', async () => {
    const nowhere = { redis: 'redis://127.0.0.1:1' };
    const { group } = makeGroup({ ...redis.namespace(), ...nowhere }, { shutdownTimeout: '500ms' });
    const { group: other } = makeGroup({ ...redis.namespace(), ...nowhere });
    const failing = expect(other.start()).rejects.toMatchObject({ code: 'REDIS_UNREACHABLE' });
    const starting = group.start();
    const began = performance.now();
    await group.stop();
    expect(performance.now() - began).toBeLessThan(1_500);
    await starting;
    await failing;
  });

  test('a processor that never settles gets an abort signal, and delays stop by shutdownTimeout at most', async () => {
    let aborted: unknown;
    const { group, publish, raw } = makeGroup(redis.namespace(), {
      size: 1,
      shutdownTimeout: '1s',
      processor: (_, { signal }) => {
        signal.addEventListener('abort', () => {
          aborted = signal.reason;
        });
        return new Promise(() => {});
      },
    });
    await group.start();
    await publish({ message_id: 'a' });
    await until(async () => (await group.status()).pending === 1);
    const began = performance.now();
    await group.stop();
    expect(performance.now() - began).toBeLessThan(1_500);
    expect(aborted).toMatchObject({ name: 'AbortError' });
    const { inbox } = keysOf(group.settings);
    expect((await raw.xpending(inbox, 'cgroup'))[0]).toBe(0);
    expect(await raw.xlen(inbox)).toBe(1);
  });

  test.each([
    [{ processor: 3 }, 'http(s):// URL or remote; in a program also a function, or a file: URL; got 3'],
    [
      { processor: new URL('ftp://example.com/x.mjs') },
      'in a program also a function, or a file: URL; got "ftp:',
    ],
    [{ process: () => 1 }, 'there is no setting "process"; did you mean "processor"?'],
  ])('refuses a wrong processor option: %j', (options, problem) => {
    expect(() => new ConsumerGroup(options as GroupOptions)).toThrow(problem);
  });

  test('the constructor names all wrong settings', () => {
    const make = () => new ConsumerGroup({ size: 0, sise: 3, processor: 5 } as unknown as GroupOptions);
    expect(make).toThrow(SettingsError);
    expect(make).toThrow(/size must be a whole number.*processor must be the path.*did you mean "size"/s);
  });
});

describe('events', () => {
  test('a group emits leading, ready, failure and settled', async () => {
    const emitted: string[] = [];
    let processed = 0;
    const { group, publish } = makeGroup(redis.namespace(), {
      maxAttempts: 1,
      processor: (m) => (m.bad ? Promise.reject(new Error('bad')) : 1),
    });
    let dead = 0;
    group.on('leading', () => emitted.push('leading'));
    group.on('ready', () => emitted.push('ready'));
    group.on('failure', ({ reason, error, attempt, dead }) =>
      emitted.push(`${reason} ${error} ${attempt} ${dead}`),
    );
    group.on('settled', (count) => {
      processed += count.processed;
      dead += count.dead;
    });
    await group.start();
    expect(emitted).toEqual(['leading', 'ready']);
    await publish({ message_id: 1 }, { message_id: 2, bad: true }, { message_id: 3 });
    await until(() => processed === 2 && dead === 1);
    expect(emitted.slice(2)).toEqual(['failed bad 1 true']);
  });

  test('a listener that throws disturbs neither the group nor start nor stop', async () => {
    const { group, publish, results } = makeGroup(redis.namespace(), { maxAttempts: 1 });
    const thrown: string[] = [];
    for (const event of ['ready', 'leading', 'failure', 'settled'] as const)
      group.on(event, () => {
        thrown.push(event);
        throw new Error(`listener of ${event}`);
      });
    await group.start();
    await publish('no json');
    for (let i = 0; i < 20; i++) await publish({ message_id: i });
    await until(async () => (await results()).length === 20 && (await group.status()).backlog === 0);
    await until(() => new Set(thrown).size === 4);
    await group.stop();
  });
});

test('status gives the state of the whole group, and rejects before start and after stop', async () => {
  const space = redis.namespace();
  const [one, two] = [makeGroup(space, { size: 2 }), makeGroup(space, { size: 1 })];
  await expect(one.group.status()).rejects.toMatchObject({ code: 'STATE' });
  await one.group.start();
  await two.group.start();
  await one.publish({ message_id: 1 }, { message_id: 2 });
  await until(async () => (await two.group.status()).counters.processed === 2);
  const status = await one.group.status();
  expect(status).toMatchObject({
    group: 'cgroup',
    channel: space.channel,
    output: space.output,
    backlog: 0,
    waiting: 0,
    pending: 0,
    retrying: 0,
    lagMs: 0,
    gaps: [],
    counters: { relayed: 2, processed: 2, failed: 0, retried: 0, dead: 0, gaps: 0 },
  });
  expect(status.consumers.map(({ id }) => id)).toEqual(await one.listed());
  expect(status.consumers).toHaveLength(3);
  expect(status.consumers.reduce((sum, { processed }) => sum + processed, 0)).toBe(2);
  expect(status.bridges.filter(({ leads }) => leads).map(({ id }) => id)).toEqual([status.leader]);
  expect(status.bridges).toHaveLength(2);
  await one.group.stop();
  await expect(one.group.status()).rejects.toMatchObject({ code: 'STATE' });
});

test('two groups in one process, with one channel and one list: each message has one result per group', async () => {
  const space = redis.namespace();
  const other = { ...space, output: `${space.output}:other` };
  const [one, two] = [
    makeGroup(space, { processor: () => 'one' }),
    makeGroup(other, { processor: () => 'two' }),
  ];
  await Promise.all([one.group.start(), two.group.start()]);
  expect(await one.listed()).toHaveLength(4);
  for (let i = 0; i < 50; i++) await one.publish({ message_id: i });
  await until(async () => (await one.results()).length === 50 && (await two.results()).length === 50);
  expect(new Set(await one.results())).toEqual(new Set(['one']));
  expect(new Set(await two.results())).toEqual(new Set(['two']));
  await one.group.stop();
  expect(await one.listed()).toHaveLength(2);
  await one.publish({ message_id: 'last' });
  await until(async () => (await two.results()).length === 51);
  expect(await one.results()).toHaveLength(50);
});

test('a group adds no process handlers, prints nothing, and does not keep a stopped process alive', async () => {
  const space = redis.namespace();
  const script = `
    const before = process.eventNames().map((name) => [name, process.listenerCount(name)]);
    const { ConsumerGroup } = await import(${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)});
    const group = new ConsumerGroup({ ...${JSON.stringify(space)}, maxAttempts: 2, backoff: '10ms',
      processor: (m) => { if (m.bad) throw new Error('bad'); return m; } });
    let settled = 0;
    group.on('settled', ({ processed, dead }) => { settled += processed + dead; });
    await group.start();
    const during = process.eventNames().map((name) => [name, process.listenerCount(name)]);
    process.send('started');
    process.once('message', async () => {
      await group.stop();
      process.send({ before, during, settled });
      process.disconnect();
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  child.stdout?.on('data', (text) => {
    output += text;
  });
  child.stderr?.on('data', (text) => {
    output += text;
  });
  const closed = once(child, 'close');
  expect((await Promise.race([once(child, 'message'), closed]))[0], output).toBe('started');
  const { publish, raw } = makeGroup(space);
  await publish({ message_id: 1 }, { message_id: 2, bad: true }, 'no json');
  const keys = keysOf(space);
  await until(async () => (await raw.xlen(space.output)) === 1 && (await raw.xlen(keys.dead)) === 2);
  child.send('stop');
  const [report] = (await once(child, 'message')) as [{ before: unknown; during: unknown; settled: number }];
  const reportedAt = performance.now();
  const [code, signal] = (await closed) as [number | null, string | null];
  expect([code, signal]).toEqual([0, null]);
  expect(performance.now() - reportedAt).toBeLessThan(2_000);
  expect(report.during).toEqual(report.before);
  expect(report.settled).toBe(3);
  expect(output).toBe('');
});
