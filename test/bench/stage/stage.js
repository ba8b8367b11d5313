import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { keysOf } from '../../../dist/redis/keys.js';
import { startLocalServer } from '../../../dist/redis/local-server.js';
import { parseSettings } from '../../../dist/settings/parse.js';
import { OUTPUT } from '../names.js';
import { Child } from './child.js';
import { millisecondsOf } from './stream-id.js';

const BIN = fileURLToPath(new URL('../../../bin/cgroup.js', import.meta.url));
/** The key of the counters of `cgroup` with its default settings. */
const { counters: COUNTERS } = keysOf(parseSettings({}));
const CONSUMER_IDS = 'consumer:ids';
const POLL_MS = 50;
/** ms without progress after which waiting fails. */
const STALL_MS = 60_000;

/** A Redis of its own, and the processes that work on it. */
export class Stage {
  /** A connection of the benchmark itself. @type {Redis} */
  redis;
  #server;
  #children = new Set();

  /** Sets up a stage, does the work and cleans up. `redisArgs`: more settings of the server. */
  static async use(work, redisArgs = []) {
    const stage = new Stage();
    try {
      stage.#server = await startLocalServer({ args: redisArgs });
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

  /** Starts another program than Node. */
  run(program, args) {
    return this.#hold(new Child(args.map(String), { program }));
  }

  /** Starts `cgroup worker`, which does not get the address of Redis. */
  worker(args) {
    return this.#hold(new Child([BIN, 'worker', '--log-format', 'json', ...args.map(String)]));
  }

  /** Starts `cgroup start`; it need not be ready yet. */
  cgroup(args) {
    return this.command(['start', '--log-format', 'json', ...args.map(String)]);
  }

  /** Starts a command of `cgroup`. */
  command(args) {
    return this.#hold(new Child([BIN, ...args], { env: { REDIS_URL: `redis://127.0.0.1:${this.port}` } }));
  }

  /** ms of CPU that Redis has used so far. */
  async redisCpuMs() {
    const info = await this.redis.info('cpu');
    const seconds = (name) => Number(new RegExp(`${name}:([\\d.]+)`).exec(info)[1]);
    return (seconds('used_cpu_user') + seconds('used_cpu_sys')) * 1_000;
  }

  /** The counters of `cgroup`: relayed, processed, gaps … */
  async counters() {
    const counted = Object.entries(await this.redis.hgetall(COUNTERS));
    return {
      ...{ relayed: 0, processed: 0, dead: 0, gaps: 0 },
      ...Object.fromEntries(counted.map(([name, count]) => [name, Number(count)])),
    };
  }

  /** How many consumers there are. */
  consumers() {
    return this.redis.llen(CONSUMER_IDS);
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
   * Waits until `read` returns `count` or more.
   *
   * @throws {Error} if it does not change for a minute
   */
  async untilReaches(count, read, what) {
    const reached = await this.untilQuiet(count, read, STALL_MS);
    if (reached < count)
      throw new Error(`${reached} of ${count} ${what}, and no more within ${STALL_MS / 1_000} s`);
  }

  /** Waits until `read` returns `count` or more, or the same for `quietMs`; returns the last value. */
  async untilQuiet(count, read, quietMs) {
    let [last, since] = [await read(), performance.now()];
    while (last < count && performance.now() - since < quietMs) {
      await sleep(POLL_MS);
      const now = await read();
      if (now !== last) [last, since] = [now, performance.now()];
    }
    return last;
  }

  #hold(child) {
    this.#children.add(child);
    void child.ended.then(() => this.#children.delete(child));
    return child;
  }
}
