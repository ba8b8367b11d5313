import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { GroupClient } from '../../dist/client.js';
import { startPrivateRedis } from '../../dist/redis/private.js';

const BIN = fileURLToPath(new URL('../../bin/cgroup.js', import.meta.url));
const PATIENCE = 120_000;

/** A private Redis with what a benchmark does to it. Everything that runs is a process of its own. */
export class Lab {
  #redis;
  #client;
  #children = new Set();

  /** Opens a lab, does the work and clears up. */
  static async use(work) {
    const lab = new Lab();
    try {
      lab.#redis = await startPrivateRedis();
      lab.#client = await GroupClient.connect({ redis: lab.#redis.url });
      return await work(lab);
    } finally {
      for (const child of lab.#children) child.kill('SIGKILL');
      lab.#client?.close();
      await lab.#redis?.stop();
    }
  }

  get port() {
    return this.#redis.port;
  }

  /** Starts `cgroup start` and waits until it is ready. */
  async group(args) {
    const child = this.#spawn(['start', '--log-format', 'json', ...args]);
    const lines = createInterface({ input: child.stderr });
    const ready = new Promise((resolve) =>
      lines.on('line', (line) => line.includes('"ready:') && resolve(true)),
    );
    const ended = once(child, 'exit').then(() => false);
    if (!(await Promise.race([ready, ended]))) throw new Error('the group ended before it was ready');
    return {
      pid: child.pid,
      stop: async () => {
        child.kill('SIGTERM');
        await ended;
      },
    };
  }

  /** Runs another `cgroup` command; what it prints, as JSON. */
  async run(args) {
    const child = this.#spawn([...args, '--json']);
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    const [code] = await once(child, 'close');
    if (code !== 0) throw new Error(`cgroup ${args.join(' ')} ended with ${code}: ${text}`);
    return JSON.parse(text);
  }

  status() {
    return this.#client.status();
  }

  /** Waits until the counter of the processed has come so far; ms since the epoch of performance.now(). */
  async processed(count) {
    const deadline = performance.now() + PATIENCE;
    while (performance.now() < deadline) {
      const { counters } = await this.status();
      if (counters.processed >= count) return performance.now();
      await sleep(10);
    }
    throw new Error(`not ${count} messages processed within ${PATIENCE / 1_000} s`);
  }

  /** XADD per second, by Redis's own benchmark; undefined where that is not installed. */
  async xaddLimit(payload) {
    const args = [
      '-p',
      this.#redis.port,
      '-n',
      500_000,
      '-P',
      100,
      '-q',
      'XADD',
      'limit',
      '*',
      'message',
      payload,
    ];
    try {
      const { stdout } = await promisify(execFile)('redis-benchmark', args.map(String));
      return Number(/([\d.]+) requests per second/.exec(stdout.split('\r').at(-1))?.[1]);
    } catch (error) {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    }
  }

  #spawn(args) {
    const env = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^(CGROUP_|REDIS_URL$)/.test(name)),
    );
    const child = spawn(process.execPath, [BIN, ...args], {
      env: { ...env, REDIS_URL: this.#redis.url },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }
}
