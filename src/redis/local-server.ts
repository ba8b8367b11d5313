import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { CgroupError } from '../core/errors.js';

/**
 * A Redis on this machine, for `--embedded`, the demo and the tests.
 *
 * It must not outlive its parent, even if the parent is killed with SIGKILL; and a library must not install
 * process-wide signal handlers. So each server has a guard: a shell that reads from a pipe whose other end the parent
 * holds. The kernel closes that end when the parent ends, in any way; then the guard kills the server. Two details:
 *
 * - The server begins as a shell that waits for a line, and gets it only when the guard knows its process id. So
 *   the parent cannot die at a moment that leaves a server without a guard.
 * - Both run in sessions of their own. Ctrl-C in a terminal goes to the whole foreground process group: Redis
 *   would be gone before the consumers could hand back their entries.
 */

export interface LocalServerOptions {
  /** More arguments of the server. They come last, so they override ours. Do not give --port or --bind. */
  args?: string[];
  /** The data folder: created if it is missing, and kept. Default: a temporary one, removed by `stop`. */
  dir?: string;
}

export interface LocalServer {
  readonly url: string;
  readonly port: number;
  readonly dir: string;
  /** The server's process id; another one after `restart`. */
  readonly pid: number;
  /** The version of Redis or Valkey; undefined if a password is set. */
  readonly version: string | undefined;
  /** Ends the server, by SIGKILL if it still runs after a few seconds, and removes a temporary folder. */
  stop(): Promise<void>;
  /** Ends the server by SIGKILL and keeps its folder, for `restart`. */
  kill(): Promise<void>;
  /** Starts the server again on the same port and folder; ends it cleanly first if it runs. */
  restart(): Promise<void>;
}

const START_MS = 10_000;
const STOP_MS = 4_000;

/**
 * Ports come from below the range that systems use for outgoing connections (32768 and up). In that
 * range a client that reconnects while the server is away can get the server's own port as its source,
 * connect to itself, and keep the server from coming back. A node of a Cluster also uses its port + 10000.
 */
const PORTS = { from: 10_000, to: 22_000 };

const OUR_ARGS = [
  ['--bind', '127.0.0.1', '--daemonize', 'no'],
  ['--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'],
  // The default cuts off a subscriber that is 32 MB behind, which takes less than a second at full speed.
  ['--client-output-buffer-limit', 'pubsub', '512mb', '256mb', '60'],
].flat();

/** Begins with `read`, so that nothing runs before the guard knows it; `exec` keeps the process id. */
const SERVER_SCRIPT = 'read -r _ && exec "$@" </dev/null';

/** First line: the process id to guard. Second line: the server has ended. End of the pipe instead: the parent is dead. */
const GUARD_SCRIPT = `
read -r pid && read -r _ && exit
test -n "$pid" && kill -9 "$pid"
test -n "$1" && rm -rf -- "$1"`;

/** The path of the `redis-server` on the PATH, or else of the `valkey-server`. */
export async function findRedisServer(): Promise<string | undefined> {
  const script = 'command -v redis-server || command -v valkey-server';
  try {
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', script]);
    return resolve(stdout.trim());
  } catch {
    return undefined;
  }
}

/**
 * Starts a Redis on a free port of the loopback interface, without persistence, and waits until it answers.
 * It ends with `stop`, or at the latest with this process. It does not keep the process alive.
 *
 * @throws {CgroupError} REDIS_NOT_INSTALLED if there is no server on the PATH; REDIS_UNREACHABLE, with the
 *   last lines of its output, if it does not start
 */
export async function startLocalServer(options: LocalServerOptions = {}): Promise<LocalServer> {
  const program = await findRedisServer();
  if (program === undefined)
    throw new CgroupError(
      'REDIS_NOT_INSTALLED',
      'there is no redis-server or valkey-server on the PATH; `npm run redis` installs one in a checkout, ' +
        "elsewhere install redis-server or valkey with the system's package manager",
    );
  const temporary = options.dir === undefined;
  const dir = temporary ? await mkdtemp(join(tmpdir(), 'cgroup-redis-')) : resolve(options.dir ?? '');
  await mkdir(dir, { recursive: true });
  const redis = new Server(program, options.args ?? [], dir, temporary);
  try {
    await redis.start();
  } catch (error) {
    await redis.stop();
    throw error;
  }
  return redis;
}

class PortTaken extends CgroupError {}

class Server implements LocalServer {
  port = 0;
  pid = 0;
  version: string | undefined;
  readonly dir: string;
  readonly #program: string;
  readonly #args: string[];
  readonly #temporary: boolean;
  readonly #log: string;
  #running: Running | undefined;
  #stopped = false;
  /** Runs changes one after the other: a `stop` during a `restart` waits for its end. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(program: string, args: string[], dir: string, temporary: boolean) {
    this.dir = dir;
    this.#program = program;
    this.#args = args;
    this.#temporary = temporary;
    this.#log = join(dir, 'redis.log');
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  start(): Promise<void> {
    return this.#inTurn(() => this.#start(randomPort));
  }

  stop(): Promise<void> {
    return this.#inTurn(async () => {
      this.#stopped = true;
      await this.#end('SIGTERM');
      if (this.#temporary) await rm(this.dir, { recursive: true, force: true });
    });
  }

  kill(): Promise<void> {
    return this.#inTurn(() => this.#end('SIGKILL'));
  }

  restart(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#stopped)
        throw new CgroupError('STATE', 'this Redis was stopped for good; start another one instead');
      await this.#end('SIGTERM');
      await this.#start(() => this.port);
    });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    if (running) await end(running, signal);
  }

  /** A port cannot be reserved for another process, so a start whose port turns out to be taken is tried again. */
  async #start(port: () => number): Promise<void> {
    const deadline = performance.now() + START_MS;
    for (;;) {
      try {
        this.port = port();
        return await this.#launch(deadline);
      } catch (error) {
        if (!(error instanceof PortTaken) || performance.now() > deadline) throw error;
      }
      await sleep(50);
    }
  }

  async #launch(deadline: number): Promise<void> {
    const args = [this.#program, '--port', `${this.port}`, '--dir', this.dir, ...OUR_ARGS, ...this.#args];
    const running = await run(args, this.dir, this.#log, this.#temporary ? this.dir : '');
    try {
      this.version = await this.#ready(running, deadline);
    } catch (error) {
      await end(running, 'SIGKILL');
      throw error;
    }
    this.#running = running;
    this.pid = running.pid;
  }

  /** Waits until this server answers (another one may hold the port) and returns its version. */
  async #ready({ server, pid }: Running, deadline: number): Promise<string | undefined> {
    while (!hasEnded(server) && performance.now() < deadline) {
      const answer = await ask(this.port);
      // An error is an answer too: a password is set.
      if (answer.startsWith('-') && !answer.startsWith('-LOADING') && !hasEnded(server)) return undefined;
      if (answer.includes(`\nprocess_id:${pid}\r`) && answer.includes('\nloading:0\r'))
        return (/\nvalkey_version:(\S+)/.exec(answer) ?? /\nredis_version:(\S+)/.exec(answer))?.[1];
      await sleep(20);
    }
    const output = await readFile(this.#log, 'utf8').catch(() => '');
    const lines = output.trim().split('\n').slice(-10).join('\n');
    if (output.includes('Address already in use'))
      throw new PortTaken('REDIS_UNREACHABLE', `port ${this.port} is taken by another program:\n${lines}`);
    const what = hasEnded(server) ? 'ended at once' : `did not answer within ${START_MS / 1000} s`;
    throw new CgroupError('REDIS_UNREACHABLE', `${this.#program} ${what}; its last output:\n${lines}`);
  }
}

/** A server with its guard. */
interface Running {
  readonly server: ChildProcess;
  readonly guard: ChildProcess;
  readonly pid: number;
  /** Both have ended. */
  readonly gone: Promise<unknown>;
}

/**
 * Runs a server with its guard.
 *
 * The server writes to a file, not to a pipe: while this process is busy or paused, a full pipe would stop the server.
 *
 * @param remove the folder that the guard removes if the parent dies, or ''
 */
async function run(args: string[], cwd: string, log: string, remove: string): Promise<Running> {
  const file = await open(log, 'w');
  try {
    const guard = spawn('/bin/sh', ['-c', GUARD_SCRIPT, 'redis-guard', remove], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    const server = spawn('/bin/sh', ['-c', SERVER_SCRIPT, 'redis-server', ...args], {
      stdio: ['pipe', file.fd, file.fd],
      detached: true,
      cwd,
    });
    for (const child of [guard, server]) {
      child.on('error', () => {}); // the pid is missing then
      child.stdin?.on('error', () => {}); // the child has ended then
      child.unref();
    }
    if (server.pid === undefined || guard.pid === undefined) {
      guard.stdin.end();
      server.stdin?.end();
      throw new CgroupError('REDIS_UNREACHABLE', 'cannot run /bin/sh, which starts the server');
    }
    server.once('exit', () => guard.stdin.end('done\n'));
    const gone = Promise.all([guard, server].map((child) => new Promise((done) => child.once('exit', done))));
    guard.stdin.write(`${server.pid}\n`);
    server.stdin?.end('go\n');
    return { server, guard, pid: server.pid, gone };
  } finally {
    await file.close();
  }
}

async function end({ server, gone }: Running, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (!hasEnded(server)) server.kill(signal);
  // The timer also keeps this process alive until the server has ended.
  const timer = setTimeout(() => server.kill('SIGKILL'), STOP_MS);
  await gone;
  clearTimeout(timer);
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function randomPort(): number {
  return PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from));
}

/** The answer of the server on a port to INFO; '' for none, or an incomplete one. */
function ask(port: number): Promise<string> {
  return new Promise((done) => {
    let answer = '';
    const socket = connect({ port, host: '127.0.0.1' });
    socket.setTimeout(1_000, () => socket.destroy());
    socket.setEncoding('latin1');
    socket.on('connect', () => socket.write('INFO\r\n'));
    socket.on('data', (text) => {
      answer += String(text);
      if (isWhole(answer)) socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => done(isWhole(answer) ? answer : ''));
  });
}

/** Whether this is all of a RESP error (`-…`) or of a bulk string (`$` length, text). */
function isWhole(answer: string): boolean {
  const head = /^(-|\$(\d+)).*\r\n/.exec(answer);
  return head !== null && answer.length >= head[0].length + Number(head[2] ?? 0);
}
