import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { usageOf } from './usage.js';

const STOP_MS = 15_000;
/** Last lines of output that are kept for the error of a process that ended. */
const LINES_KEPT = 20;

const alive = new Set();
// No process outlives the benchmark, unless a SIGKILL ends it.
process.on('exit', () => {
  for (const child of alive) child.kill();
});

/** A process of the benchmark, without the developer's own settings. */
export class Child {
  #child;
  #lines = [];
  #watchers = new Set();
  /** How it ended. @type {Promise<string>} */
  ended;

  /** @param {string[]} args of the program, by default node; the process has an IPC channel */
  constructor(args, { env = {}, program = process.execPath } = {}) {
    const child = spawn(program, args, {
      env: { ...environment(), ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', (line) => this.#heard(line));
    child.on('message', (message) => this.#notify(message));
    alive.add(this);
    this.ended = once(child, 'exit').then(([code, signal]) => {
      alive.delete(this);
      return signal ?? `exit code ${code}`;
    });
  }

  get pid() {
    return this.#child.pid;
  }

  usage() {
    return usageOf(this.pid);
  }

  send(message) {
    this.#child.send(message);
  }

  /** Waits for a line or message for which `wanted` returns a value; returns that value. */
  async when(wanted, what) {
    let watcher;
    const found = new Promise((resolve) => {
      watcher = (heard) => {
        const value = wanted(heard);
        if (value !== undefined) resolve({ value });
      };
      this.#watchers.add(watcher);
    });
    const result = await Promise.race([found, this.ended]);
    this.#watchers.delete(watcher);
    if (result.value === undefined)
      throw new Error(`the process ended (${result}) before ${what}:\n${this.#lines.join('\n')}`);
    return result.value;
  }

  message(name, what = `it said ${name}`) {
    return this.when((heard) => (heard?.[name] === undefined ? undefined : heard), what);
  }

  /** SIGTERM, and SIGKILL if it does not end. */
  async stop() {
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.kill(), STOP_MS);
    await this.ended;
    clearTimeout(timer);
  }

  kill() {
    this.signal('SIGKILL');
  }

  signal(name) {
    this.#child.kill(name);
  }

  #heard(line) {
    this.#lines.push(line);
    if (this.#lines.length > LINES_KEPT) this.#lines.shift();
    this.#notify(line);
  }

  #notify(heard) {
    for (const watcher of this.#watchers) watcher(heard);
  }
}

function environment() {
  const ours = /^(CGROUP_.*|REDIS_URL|NODE_OPTIONS|NODE_V8_COVERAGE)$/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
}
