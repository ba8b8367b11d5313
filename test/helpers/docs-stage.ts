import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { expect } from 'vitest';
import { keysOf } from '../../src/redis/keys.js';
import { type LocalServer, startLocalServer } from '../../src/redis/local-server.js';
import { parseSettings } from '../../src/settings/parse.js';
import { blocksOf, pages } from './docs.js';
import { until } from './until.js';

const BIN = fileURLToPath(new URL('../../bin/cgroup.js', import.meta.url));
/** ms that a command may take. */
const LONGEST = 120_000;

/** The surroundings of the commands of one page: a Redis, a running group and a folder. */
export class Stage {
  readonly #redis: LocalServer;
  readonly #raw: Redis;
  readonly #folder: string;
  readonly #port: number;
  readonly #env: NodeJS.ProcessEnv;
  readonly #running = new Set<Program>();

  private constructor(redis: LocalServer, folder: string, port: number) {
    this.#redis = redis;
    this.#raw = new Redis(redis.url);
    this.#folder = folder;
    this.#port = port;
    const { PATH = '', HOME } = process.env;
    this.#env = { PATH: `${folder}${delimiter}${PATH}`, HOME, NO_COLOR: '1', REDIS_URL: redis.url };
  }

  static async open(): Promise<Stage> {
    const redis = await startLocalServer({
      args: ['--appendonly', 'yes', '--maxmemory-policy', 'noeviction'],
    });
    const folder = mkdtempSync(join(tmpdir(), 'cgroup-docs-'));
    writeFileSync(join(folder, 'messages.jsonl'), '{"message_id":"line-1"}\n{"message_id":"line-2"}\n');
    // Scripts for `cgroup` and `npx cgroup`.
    const run = `exec "${process.execPath}" "${BIN}" "$@"\n`;
    writeFileSync(join(folder, 'cgroup'), `#!/bin/sh\n${run}`, { mode: 0o755 });
    const only = '[ "$1" = cgroup ] || { echo "not cgroup: npx $*" >&2; exit 1; }; shift\n';
    writeFileSync(join(folder, 'npx'), `#!/bin/sh\n${only}${run}`, { mode: 0o755 });
    for (const { text } of pages()
      .flatMap(blocksOf)
      .filter(({ language }) => language === 'js' || language === 'python')) {
      const name = /^(?:\/\/|#) ([\w-]+\.(?:mjs|py))/.exec(text)?.[1];
      if (name) writeFileSync(join(folder, name), text);
    }
    const stage = new Stage(redis, folder, await freePort());
    await stage.start('cgroup start --size 2');
    return stage;
  }

  async close(): Promise<void> {
    await this.#end([...this.#running]);
    this.#raw.disconnect();
    await this.#redis.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  set(name: string, value: string): void {
    this.#env[name] = value;
  }

  /** The command with its example port, URL, host and id replaced by real ones. */
  async #real(command: string): Promise<string> {
    const text = command
      .replaceAll('9464', String(this.#port))
      .replaceAll(/redis:\/\/[^\s'"]+/g, this.#redis.url)
      .replace(/(?<=\bcgroup (?:un)?drain )web1\b/, hostname())
      // The group of the stage has another order and no record, so an output of its own.
      .replace(/--(order|record) (\w+)/, '$& --output messages:$1:$2');
    return /\bcgroup (dead|top)\b|^curl .*\/(retry|purge)\b/.test(text)
      ? text.replaceAll(/\b\d{13}-\d+\b/g, await this.#deadLetter())
      : text;
  }

  /** The id of an existing dead letter. */
  async #deadLetter(): Promise<string> {
    const { dead } = keysOf(parseSettings({}));
    const newest = async () => (await this.#raw.xrevrange(dead, '+', '-', 'COUNT', 1))[0]?.[0];
    if (!(await newest())) await this.#raw.publish('messages:published', 'oops');
    return until(newest, { what: 'a dead letter' });
  }

  /** Runs a command to its end, expects exit code 0, and returns its stdout. */
  async run(command: string): Promise<string> {
    const program = new Program(await this.#real(command), this.#folder, this.#env);
    this.#running.add(program);
    const late = setTimeout(() => program.kill('SIGKILL'), LONGEST);
    const code = await program.exit;
    clearTimeout(late);
    this.#running.delete(program);
    expect(code, `${program.command}: ${program.stdout}${program.stderr}`).toBe(0);
    return program.stdout;
  }

  /**
   * Ends the command started before, starts one that runs until a signal, and waits until it works. Returns its stdout so
   * far.
   */
  async start(command: string): Promise<string> {
    await this.endStarted();
    const program = new Program(`exec ${await this.#real(command)}`, this.#folder, this.#env);
    this.#running.add(program);
    const atWork = [
      [/ monitor\b/, /msg\/s|"rate":/],
      [/ peek\b/, /message id/],
      [/./, /ready: |worker .* connects to /],
    ].find(([of]) => of?.test(command))?.[1] as RegExp;
    await until(() => program.ended || atWork.test(program.stdout + program.stderr), { timeout: 20_000 });
    if (program.ended) throw new Error(`${command} has ended: ${program.stdout}${program.stderr}`);
    return program.stdout;
  }

  /** Ends all started commands but the first, the group of the stage, and expects exit code 0 of each. */
  endStarted(): Promise<void> {
    return this.#end([...this.#running].slice(1));
  }

  async #end(programs: readonly Program[]): Promise<void> {
    for (const program of programs) {
      program.kill('SIGTERM');
      const code = await program.exit;
      this.#running.delete(program);
      expect(code, `${program.command}, at SIGTERM: ${program.stderr}`).toBe(0);
    }
  }
}

class Program {
  readonly command: string;
  readonly exit: Promise<number | null>;
  stdout = '';
  stderr = '';
  ended = false;
  readonly #child: ChildProcess;

  constructor(command: string, cwd: string, env: NodeJS.ProcessEnv) {
    this.command = command;
    // In a process group of its own, so that `kill` reaches all commands of a pipe.
    const child = spawn('sh', ['-c', command], {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    for (const stream of ['stdout', 'stderr'] as const)
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        this[stream] += text;
      });
    this.exit = new Promise((done) => {
      child.once('close', (code) => {
        this.ended = true;
        done(code);
      });
    });
  }

  kill(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid !== undefined && !this.ended) process.kill(-pid, signal);
  }
}

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer().once('error', fail);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => done(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
