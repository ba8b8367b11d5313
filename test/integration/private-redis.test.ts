import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { findRedisServer, type LocalServerOptions, startLocalServer } from '../../src/redis/local-server.js';
import { freshRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

/** The temporary folder of each test: it must be empty at the end. */
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cgroup-private-'));
  vi.stubEnv('TMPDIR', folder);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

/** A client that rejects at the first error. It is closed when the test has ended. */
function client(url: string): Redis {
  const redis = new Redis(url, { retryStrategy: () => null, maxRetriesPerRequest: 0 });
  redis.on('error', () => {});
  onTestFinished(() => redis.disconnect());
  return redis;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie counts as dead: process 1 of a container may reap it late or never.
    return !existsSync('/proc/self/stat') || !/ Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

const isGone = (pid: number) => until(() => !isAlive(pid), { what: `process ${pid} to be gone` });
const isEmpty = () =>
  until(async () => (await readdir(folder)).length === 0, { what: `${folder} to be empty` });

describe('a private Redis', () => {
  test('answers, keeps nothing on disk, drops no key and no slow subscriber', async () => {
    const server = await freshRedis();
    const redis = client(server.url);
    expect(await redis.ping()).toBe('PONG');
    const config = async (name: string) => ((await redis.config('GET', name)) as string[])[1];
    expect(await config('save')).toBe('');
    expect(await config('appendonly')).toBe('no');
    expect(await config('maxmemory-policy')).toBe('noeviction');
    expect(await config('client-output-buffer-limit')).toContain(`pubsub ${512 << 20} ${256 << 20} 60`);
    const info = await redis.info('server');
    expect(info).toContain(`process_id:${server.pid}\r`);
    expect(info).toContain(`_version:${server.version}\r`);
  });

  test('listens on the loopback interface only', async () => {
    const { port } = await freshRedis();
    const others = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ family, internal }) => family === 'IPv4' && !internal);
    for (const { address } of others)
      await expect(client(`redis://${address}:${port}`).ping()).rejects.toThrow(/closed|refused/i);
  });

  test('stop ends the server and removes its folder; a second stop does nothing', async () => {
    const server = await startLocalServer();
    expect(existsSync(server.dir)).toBe(true);
    await Promise.all([server.stop(), server.stop()]);
    expect(isAlive(server.pid)).toBe(false);
    expect(await readdir(folder)).toEqual([]);
    await server.stop();
    await server.kill();
    await expect(server.restart()).rejects.toMatchObject({ code: 'STATE' });
  });

  test('stop also ends a server that hangs', async () => {
    const server = await startLocalServer();
    process.kill(server.pid, 'SIGSTOP');
    await server.stop();
    expect(isAlive(server.pid)).toBe(false);
  });

  test('restart keeps the port, and the data if the arguments turn persistence on', async () => {
    const server = await freshRedis(['--appendonly', 'yes', '--appendfsync', 'always']);
    const { url, dir, pid } = server;
    await client(url).set('key', 'value');
    await server.restart();
    expect(server).toMatchObject({ url, dir });
    expect(server.pid).not.toBe(pid);
    expect(await client(url).get('key')).toBe('value');

    await server.kill();
    expect(isAlive(server.pid)).toBe(false);
    await expect(client(url).ping()).rejects.toThrow();
    await server.restart();
    expect(await client(url).get('key')).toBe('value');
  });

  test('creates a given folder, uses it and keeps it', async () => {
    const dir = join(folder, 'a', 'b');
    const server = await startLocalServer({ dir });
    expect(server.dir).toBe(dir);
    await client(server.url).call('SAVE');
    await server.stop();
    expect(await readdir(dir)).toContain('dump.rdb');
  });

  test('starts with a password', async () => {
    const server = await freshRedis(['--requirepass', 'secret']);
    expect(server.version).toBeUndefined();
    await expect(client(server.url).ping()).rejects.toThrow('NOAUTH');
  });

  test('starts as a node of a Cluster; its bus needs the port 10000 above', async () => {
    const server = await freshRedis(['--cluster-enabled', 'yes']);
    expect(await client(server.url).cluster('INFO')).toContain('cluster_state');
  });

  test('tries another port if the first is in use', async () => {
    const random = vi.spyOn(Math, 'random').mockReturnValue(0.123);
    const first = await freshRedis();
    random.mockReturnValueOnce(0.123).mockReturnValueOnce(0.123).mockReturnValue(0.456);
    const second = await freshRedis();
    expect(second.port).not.toBe(first.port);
    expect(await client(second.url).ping()).toBe('PONG');
  });

  test('fails with the output of the server, and leaves no files', async () => {
    const start = startLocalServer({ args: ['--no-such-setting', '1'] });
    await expect(start).rejects.toMatchObject({
      code: 'REDIS_UNREACHABLE',
      message: expect.stringContaining('no-such-setting'),
    });
    expect(await readdir(folder)).toEqual([]);
  });

  test('says what to do if there is no server on the PATH', async () => {
    expect(await findRedisServer()).toMatch(/\/(redis|valkey)-server$/);
    vi.stubEnv('PATH', folder);
    expect(await findRedisServer()).toBeUndefined();
    await expect(startLocalServer()).rejects.toMatchObject({
      code: 'REDIS_NOT_INSTALLED',
      message: expect.stringContaining('npm run redis'),
    });
  });
});

describe('a private Redis and its parent process', () => {
  /** A process that prints `starting`, starts a private Redis, runs `body` and prints the server's process id. */
  function parent(
    options: LocalServerOptions,
    body = '',
  ): { child: ChildProcess; line: () => Promise<string> } {
    const module = fileURLToPath(new URL('../../dist/redis/local-server.js', import.meta.url));
    const script = `
      import { startLocalServer } from ${JSON.stringify(module)};
      console.log('starting');
      const server = await startLocalServer(${JSON.stringify(options)});
      ${body}
      console.log(server.pid);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true, // so that it leads a process group, as under a terminal
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return { child, line: async () => String((await lines.next()).value) };
  }

  const forever = 'setInterval(() => {}, 1000);';

  test.each(['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'ends if %s ends the parent',
    async (signal) => {
      const { child, line } = parent({}, forever);
      await line();
      const pid = Number(await line());
      expect(isAlive(pid)).toBe(true);
      child.kill(signal);
      await isGone(pid);
      await isEmpty();
    },
  );

  test('does not keep the parent alive', async () => {
    const { child, line } = parent({});
    await line();
    const pid = Number(await line());
    expect(await once(child, 'exit')).toEqual([0, null]);
    await isGone(pid);
    await isEmpty();
  });

  test('survives a Ctrl-C to the process group, and ends with the parent', async () => {
    const { child, line } = parent({}, `process.on('SIGINT', () => console.log('draining'));${forever}`);
    await line();
    const pid = Number(await line());
    process.kill(-Number(child.pid), 'SIGINT');
    expect(await line()).toBe('draining');
    expect(isAlive(pid)).toBe(true);
    child.kill('SIGKILL');
    await isGone(pid);
  });

  test('ends even if the parent is killed while the server starts', async () => {
    for (let round = 0; round < 20; round += 1) {
      const { child, line } = parent({ dir: join(folder, `${round}`) }, forever);
      await line();
      await sleep(round * 3);
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await sleep(500); // by now a server that is left would have a log
    for (const round of await readdir(folder)) {
      const log = await readFile(join(folder, round, 'redis.log'), 'utf8').catch(() => '');
      // Each line begins with the server's process id.
      const pid = /^(\d+):/m.exec(log)?.[1];
      if (pid !== undefined) await isGone(Number(pid));
    }
  });
});
