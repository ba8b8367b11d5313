import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findPostgres } from '../../config/postgres-programs.mjs';
import { freePort } from '../chaos/free-port.js';

/**
 * Durability against a power failure costs time and is not tested: what the server wrote is in the system's cache, and
 * survives a kill. A commit that was answered is written (`synchronous_commit`), so an immediate stop loses nothing.
 */
const SETTINGS = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'on',
  shared_buffers: '32MB',
  max_connections: '40',
  unix_socket_directories: '',
  listen_addresses: '127.0.0.1',
};

/** What ends the server: `fast` cuts clients off, `immediate` is a crash, after which it has to recover. */
const SIGNALS = { fast: 'SIGINT', immediate: 'SIGQUIT' };

/** Kills the server and removes its folder when the process that holds the other end of stdin has ended. */
const GUARD = 'read -r pid; read -r _ && exit; kill -9 "$pid"; sleep 1; rm -rf -- "$1"';

/**
 * A PostgreSQL of its own, on a port and a folder of its own. It ends with this process at the latest.
 */
export class PostgresServer {
  /** @type {number} */
  port = 0;
  #bin;
  #dir;
  #data;
  #settings;
  #child;
  #guard;

  /**
   * Starts a server and waits until it answers. Any client may connect to it, without a password.
   *
   * @param {Record<string, string>} settings more settings, as in postgresql.conf
   */
  static async start(settings = {}) {
    const server = new PostgresServer();
    server.#bin = findPostgres();
    if (!server.#bin) throw new Error('there is no PostgreSQL server on this machine');
    server.#settings = { ...SETTINGS, ...settings };
    server.#dir = folder();
    server.#data = join(server.#dir, 'data');
    try {
      // The copy keeps the owner.
      execFileSync('cp', ['-a', template(server.#bin), server.#data]);
      server.port = await freePort();
      await server.start();
    } catch (error) {
      await server.remove();
      throw error;
    }
    return server;
  }

  /** The URL of its only database. */
  get url() {
    return this.urlOf('postgres');
  }

  /** The same for a user, who needs no password. */
  urlOf(user) {
    return `postgres://${user}@127.0.0.1:${this.port}/postgres`;
  }

  get pid() {
    return this.#child?.pid;
  }

  /** Starts it (again), on the same port and files, and waits until it answers. */
  async start() {
    const log = openSync(join(this.#dir, 'log'), 'a');
    const args = Object.entries({ ...this.#settings, port: this.port }).flatMap(([name, value]) => [
      '-c',
      `${name}=${value}`,
    ]);
    this.#child = spawn(join(this.#bin, 'postgres'), ['-D', this.#data, ...args], {
      ...owner(),
      stdio: ['ignore', log, log],
      // A Ctrl-C in the terminal is for the process that started it.
      detached: true,
    });
    this.#child.exited = once(this.#child, 'exit');
    this.#child.unref();
    this.#guard = spawn('/bin/sh', ['-c', GUARD, 'guard', this.#dir], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    this.#guard.stdin.on('error', () => {});
    this.#guard.stdin.write(`${this.#child.pid}\n`);
    this.#guard.unref();
    this.#guard.stdin.unref();
    const end = performance.now() + 30_000;
    while (!(await answers(this.port))) {
      if (this.#child.exitCode !== null || performance.now() > end)
        throw new Error(`PostgreSQL does not start:\n${this.log().slice(-2_000)}`);
      await sleep(20);
    }
  }

  /** Ends it and keeps its files, for {@link start}. @param {'fast' | 'immediate'} mode */
  async stop(mode = 'fast') {
    const child = this.#child;
    this.#child = undefined;
    if (!child) return;
    child.ref();
    if (child.exitCode === null && child.signalCode === null) child.kill(SIGNALS[mode]);
    await child.exited;
    const guarded = once(this.#guard, 'exit');
    this.#guard.ref();
    this.#guard.stdin.end('over\n');
    await guarded;
  }

  /** @param {'fast' | 'immediate'} mode */
  async restart(mode = 'fast') {
    await this.stop(mode);
    await this.start();
  }

  /** Stops all its processes for a while: connections stay open, and nothing answers. */
  freeze() {
    this.#signal('SIGSTOP');
  }

  thaw() {
    this.#signal('SIGCONT');
  }

  /** What it has logged. */
  log() {
    return readFileSync(join(this.#dir, 'log'), 'utf8');
  }

  /** Ends it and removes its files. */
  async remove() {
    if (this.#child) this.thaw();
    await this.stop('immediate');
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #signal(signal) {
    const children = execFileSync('ps', ['-o', 'pid=', '--ppid', String(this.pid)], { encoding: 'utf8' });
    for (const pid of [this.pid, ...children.split('\n').map(Number)])
      if (pid > 0) {
        try {
          process.kill(pid, signal);
        } catch {} // it has ended meanwhile
      }
  }
}

/** The user who runs the servers, if we are root: PostgreSQL refuses root. */
function owner() {
  if (process.getuid?.() !== 0) return {};
  for (const user of ['postgres', 'nobody']) {
    try {
      const id = (flag) => Number(execFileSync('id', [flag, user], { stdio: ['ignore', 'pipe', 'ignore'] }));
      return { uid: id('-u'), gid: id('-g') };
    } catch {} // no such user
  }
  throw new Error('there is no user postgres or nobody to run PostgreSQL');
}

/** A new folder that the server may use. */
function folder() {
  const made = mkdtempSync(join(tmpdir(), 'cgroup-postgres-'));
  const { uid, gid } = owner();
  if (uid !== undefined) chownSync(made, uid, gid);
  chmodSync(made, 0o700);
  return made;
}

let made;

/**
 * A data folder to copy, because initdb takes a second or more. All processes of a run of tests share it: the run names its
 * folder in TEST_RUN_OF_CGROUP. Without that, it is of this process.
 */
function template(bin) {
  const run = process.env.TEST_RUN_OF_CGROUP;
  const path = run ? join(run, 'postgres') : made;
  if (path && existsSync(path)) return path;
  const fresh = folder();
  const data = join(fresh, 'data');
  const args = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'];
  // In a folder that the user may enter: initdb looks at the current one.
  execFileSync(join(bin, 'initdb'), args, { ...owner(), cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] });
  if (!path) {
    process.once('exit', () => rmSync(fresh, { recursive: true, force: true }));
    made = data;
    return made;
  }
  // Another process may have made it meanwhile: its folder is as good, and a rename replaces none that has files.
  try {
    renameSync(data, path);
  } catch (error) {
    if (!existsSync(path)) throw error;
  }
  rmSync(fresh, { recursive: true, force: true });
  return path;
}

/** Whether the server on a port takes connections.*/
function answers(port) {
  return new Promise((done) => {
    let answer = '';
    const socket = connect({ port, host: '127.0.0.1' });
    socket.setTimeout(1_000, () => socket.destroy());
    // A start-up packet of version 3.0, user and database postgres.
    const names = 'user\0postgres\0database\0postgres\0\0';
    const packet = Buffer.alloc(8 + names.length);
    packet.writeInt32BE(packet.length, 0);
    packet.writeInt32BE(196_608, 4);
    packet.write(names, 8);
    socket.on('connect', () => socket.write(packet));
    socket.on('data', (chunk) => {
      answer = chunk.toString('latin1', 0, 1);
      socket.destroy();
    });
    socket.on('error', () => {});
    // R: authentication. E: an error, for example that it is starting.
    socket.on('close', () => done(answer === 'R'));
  });
}
