import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { startPrivateRedis } from '../../../dist/redis/private.js';
import { OUTPUT } from '../names.js';
import { Child } from './child.js';

const BIN = fileURLToPath(new URL('../../../bin/cgroup.js', import.meta.url));
const POLL_MS = 50;
/** Without progress for so long, what is waited for will not come. */
const STALL_MS = 60_000;

/** A Redis of its own, and the processes that work on it. */
export class Stage {
  /** A connection of the benchmark itself. @type {Redis} */
  redis;
  #server;
  #children = new Set();

  /** Sets a stage up, does the work and clears up. */
  static async use(work) {
    const stage = new Stage();
    try {
      stage.#server = await startPrivateRedis();
      stage.redis = new Redis({ port: stage.port, host: '127.0.0.1' });
      return await work(stage);
    } finally {
      for (const child of stage.#children) child.kill();
      stage.redis?.disconnect();
      await stage.#server?.stop();
    }
  }

  get port() {
    return this.#server.port;
  }

  /** Starts a module of the benchmark as a process. It gets `options` as JSON, with the port of Redis. */
  spawn(url, options = {}) {
    return this.#hold(new Child([fileURLToPath(url), JSON.stringify({ port: this.port, ...options })]));
  }

  /** Starts `cgroup start`; it need not be ready yet. */
  cgroup(args) {
    return this.#hold(
      new Child([BIN, 'start', '--log-format', 'json', ...args.map(String)], {
        env: { REDIS_URL: `redis://127.0.0.1:${this.port}` },
      }),
    );
  }

  /** ms of CPU that Redis has used so far. */
  async redisCpuMs() {
    const info = await this.redis.info('cpu');
    const seconds = (name) => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)[1]);
    return (seconds('used_cpu_user') + seconds('used_cpu_sys')) * 1_000;
  }

  outputLength() {
    return this.redis.xlen(OUTPUT);
  }

  /** ms since 1970, by Redis's clock, of the first and the last result. */
  async outputTimes() {
    const [[first], [last]] = await Promise.all([
      this.redis.xrange(OUTPUT, '-', '+', 'COUNT', 1),
      this.redis.xrevrange(OUTPUT, '+', '-', 'COUNT', 1),
    ]);
    return { first: millisecondsOf(first[0]), last: millisecondsOf(last[0]) };
  }

  /** Waits until the output has so many entries. */
  untilOutput(count) {
    return this.untilReaches(count, () => this.outputLength(), 'results');
  }

  /**
   * Waits until what `read` gives is `count` or more.
   *
   * @throws {Error} if it does not change for a minute
   */
  async untilReaches(count, read, what) {
    let [last, since] = [-1, performance.now()];
    for (;;) {
      const now = await read();
      if (now >= count) return;
      if (now !== last) [last, since] = [now, performance.now()];
      if (performance.now() - since > STALL_MS)
        throw new Error(`${now} of ${count} ${what}, and no more within ${STALL_MS / 1_000} s`);
      await sleep(POLL_MS);
    }
  }

  #hold(child) {
    this.#children.add(child);
    void child.ended.then(() => this.#children.delete(child));
    return child;
  }
}

function millisecondsOf(id) {
  return Number(id.slice(0, id.indexOf('-')));
}
