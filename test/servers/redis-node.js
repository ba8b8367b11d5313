import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { HERE } from '../chaos/hosts.js';
import { until } from '../chaos/until.js';

/**
 * Ports come from below the range of outgoing connections (32768 and up): there a client could connect to itself while the
 * server is away. The nodes of a Cluster talk to each other on their port + 10000, which must be below it too.
 */
const PORTS = { from: 10_000, to: 22_000 };
const BUS = 10_000;

const START_MS = 10_000;

const OUR_ARGS = [
  ['--daemonize', 'no', '--save', '', '--maxmemory-policy', 'noeviction'],
  ['--client-output-buffer-limit', 'pubsub', '512mb', '256mb', '60'],
  // By default a master waits 5 s before it sends its data to a new replica.
  ['--repl-diskless-sync', 'yes', '--repl-diskless-sync-delay', '0'],
].flat();

/** `exec` keeps the process id. */
const START = 'exec "$(command -v redis-server || command -v valkey-server)" "$@"';

/** One server, of any kind: alone, a replica, a node of a Cluster or a Sentinel. redis-node.d.ts explains its methods. */
export class RedisNode {
  port = 0;
  isFrozen = false;
  isAway = false;
  host;
  #name;
  #dir;
  #leash;
  #args;
  #sentinel;
  #password;
  #tls;
  #child;

  constructor({ name, dir, leash, args = [], sentinel, password, tls, host = HERE }) {
    this.#name = name;
    this.host = host;
    this.#dir = join(dir, name);
    this.#leash = leash;
    this.#sentinel = sentinel;
    this.#password = password;
    this.#tls = tls;
    this.#args = [...(password ? ['--requirepass', password] : []), ...tlsArgs(tls), ...args];
    mkdirSync(this.#dir, { recursive: true });
  }

  get url() {
    return `${this.#tls ? 'rediss' : 'redis'}://${this.#password ? `:${this.#password}@` : ''}${this.address}`;
  }

  get address() {
    return `${this.host.address}:${this.port}`;
  }

  get pid() {
    return this.#child?.pid;
  }

  get isRunning() {
    return this.#child !== undefined && !hasEnded(this.#child) && !this.isFrozen && !this.isAway;
  }

  async start() {
    const end = performance.now() + START_MS;
    for (;;) {
      this.port = await freePort();
      const failure = await this.#launch().then(
        () => undefined,
        (error) => error,
      );
      if (!failure) return;
      // A port cannot be reserved for another process.
      if (!this.log().includes('Address already in use') || performance.now() > end) throw failure;
    }
  }

  restart() {
    return this.#launch();
  }

  async #launch() {
    const log = openSync(join(this.#dir, 'log'), 'w');
    const ports = this.#tls ? ['--port', '0', '--tls-port'] : ['--port'];
    const { address, on } = this.host;
    const listen = ['--bind', address, '--protected-mode', 'no', ...ports, String(this.port)];
    const own = ['--dir', this.#dir, ...listen];
    const args = this.#sentinel
      ? [this.#sentinelFile(), '--sentinel', ...own, ...this.#args]
      : [...own, ...OUR_ARGS, ...this.#args];
    // In a process group of its own: a Ctrl-C in the terminal is for the process that started it.
    const [program, ...rest] = on(['/bin/sh', '-c', START, 'redis', ...args]);
    const child = spawn(program, rest, {
      stdio: ['ignore', log, log],
      detached: true,
    });
    this.#child = this.#leash.hold(child);
    this.isFrozen = false;
    child.exited = once(child, 'exit');
    child.unref();
    await until(
      async () => {
        if (hasEnded(child)) return true;
        const info = await this.call('INFO', 'server');
        // Another server may hold the port.
        return info.includes(`process_id:${child.pid}\r`);
      },
      { what: `the server ${this.#name} to answer`, timeout: START_MS },
    );
    if (hasEnded(child)) throw new Error(`${this.#name} does not start:\n${this.log().slice(-2_000)}`);
  }

  /** A Sentinel writes what it knows to its file: one that starts again finds it there. */
  #sentinelFile() {
    const path = join(this.#dir, 'sentinel.conf');
    if (this.#sentinel)
      writeFileSync(path, this.#sentinel.map((line) => `${line}\n`).join(''), { flag: 'a' });
    this.#sentinel = [];
    return path;
  }

  async kill() {
    const child = this.#child;
    if (!child || hasEnded(child)) return;
    child.ref();
    child.kill('SIGKILL');
    await child.exited;
    this.isFrozen = false;
  }

  freeze() {
    this.isFrozen = this.#child?.kill('SIGSTOP') ?? false;
  }

  thaw() {
    this.#child?.kill('SIGCONT');
    this.isFrozen = false;
  }

  log() {
    return readFileSync(join(this.#dir, 'log'), 'utf8');
  }

  async call(command, ...args) {
    const client = new Redis({
      port: this.port,
      host: this.host.address,
      ...(this.#password ? { password: this.#password } : {}),
      ...(this.#tls ? { tls: this.#clientTls() } : {}),
      lazyConnect: true,
      enableReadyCheck: false,
      retryStrategy: () => null,
      connectTimeout: 2_000,
      commandTimeout: 5_000,
    });
    client.on('error', () => {}); // the call rejects
    try {
      await client.connect();
      return await client.call(command, ...args);
    } finally {
      client.disconnect();
    }
  }

  /** Its own certificate is also good for a client. It is checked by the tests of TLS, not here. */
  #clientTls() {
    const { cert, key } = this.#tls;
    return { cert: readFileSync(cert), key: readFileSync(key), rejectUnauthorized: false };
  }
}

function tlsArgs(tls) {
  if (!tls) return [];
  const { ca, cert, key, authClients = 'no' } = tls;
  const files = ['--tls-ca-cert-file', ca, '--tls-cert-file', cert, '--tls-key-file', key];
  return [...files, '--tls-auth-clients', authClients, '--tls-replication', 'yes', '--tls-cluster', 'yes'];
}

function hasEnded(child) {
  return child.exitCode !== null || child.signalCode !== null;
}

/** A port that is free, as is the one on which a node of a Cluster on it talks to the others. */
async function freePort() {
  for (;;) {
    const port = PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from));
    if ((await isFree(port)) && (await isFree(port + BUS))) return port;
  }
}

function isFree(port) {
  const server = createServer();
  return new Promise((done) => {
    server.once('error', () => done(false));
    server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
  });
}
