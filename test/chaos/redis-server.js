import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { FakeClock } from './fake-clock.js';
import { freePort } from './free-port.js';
import { until } from './until.js';

/** Ignores SIGXFSZ, so that a full disk is an error of write() and does not end the server. */
const START = 'trap "" XFSZ; exec "$@"';

/** A Redis with an AOF that a fault can kill, freeze, restart, empty, truncate and move to another time. */
export class RedisServer {
  port = 0;
  /** If requested. @type {FakeClock | undefined} */
  clock;
  #dir;
  #leash;
  #args;
  #child;

  /**
   * @param {{ dir: string, leash: import('./leash.js').Leash, appendfsync?: string, fakeClock?: boolean }} options
   */
  static async start({ dir, leash, appendfsync = 'everysec', fakeClock = false }) {
    const redis = new RedisServer();
    redis.#dir = dir;
    redis.#leash = leash;
    redis.clock = fakeClock ? new FakeClock(dir) : undefined;
    redis.#args = [
      ['--bind', '127.0.0.1', '--dir', dir, '--daemonize', 'no', '--save', ''],
      ['--appendonly', 'yes', '--appendfsync', appendfsync, '--aof-load-truncated', 'yes'],
      ['--auto-aof-rewrite-percentage', '0', '--maxmemory-policy', 'noeviction'],
      ['--client-output-buffer-limit', 'pubsub', '512mb', '256mb', '60'],
    ].flat();
    redis.port = await freePort();
    await redis.launch();
    return redis;
  }

  get pid() {
    return this.#child.pid;
  }

  /**
   * Starts it (again), on the same port and files, and waits until it answers.
   *
   * @param {number} timeout ms; many messages take long to load
   */
  async launch(timeout = 15_000) {
    const log = openSync(join(this.#dir, 'redis.log'), 'a');
    const env = { ...process.env, ...this.clock?.environment };
    const command = ['redis-server', '--port', String(this.port), ...this.#args];
    this.#child = this.#leash.hold(
      spawn('/bin/sh', ['-c', START, 'redis', ...command], { stdio: ['ignore', log, log], env }),
    );
    this.#child.exited = once(this.#child, 'exit');
    await until(() => answers(this.port), { what: 'Redis to answer', timeout });
  }

  /** SIGKILL. Data without fsync stays in the system's cache: only a truncated AOF loses any. */
  async kill() {
    this.#child.kill('SIGKILL');
    await this.#child.exited;
  }

  async stop() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGCONT');
    await this.kill();
  }

  freeze() {
    this.#child.kill('SIGSTOP');
  }

  thaw() {
    this.#child.kill('SIGCONT');
  }

  /** Bytes of the part of the AOF that is being written. */
  aofSize() {
    return statSync(this.#aof()).size;
  }

  /** Cuts the AOF of a killed server to `size` bytes. */
  truncateAof(size) {
    truncateSync(this.#aof(), size);
  }

  /** Deletes all files of a killed server. */
  forget() {
    rmSync(join(this.#dir, 'appendonlydir'), { recursive: true });
  }

  /** Imitates a full disk: no file of the server may grow beyond `bytes`; undefined removes the limit. */
  limitFiles(bytes) {
    execFileSync('prlimit', ['--pid', String(this.pid), `--fsize=${bytes ?? 'unlimited'}:unlimited`]);
  }

  #aof() {
    const folder = join(this.#dir, 'appendonlydir');
    const names = readdirSync(folder).filter((name) => name.endsWith('.incr.aof'));
    return join(folder, names.sort().at(-1));
  }
}

/** Whether the server on a port has loaded its data and answers. */
function answers(port) {
  return new Promise((done) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.setTimeout(500, () => socket.destroy());
    socket.on('connect', () => socket.write('PING\r\n'));
    socket.on('data', (chunk) => {
      done(String(chunk).startsWith('+PONG'));
      socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => done(false));
  });
}
