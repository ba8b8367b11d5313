import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const READY_MS = 30_000;

/** Log lines that are not allowed: errors that the product did not expect. */
const STRAY = /unhandled|uncaught|error outside of any attempt/i;

/** A child process, its log, and how it ended. */
export class Program {
  /** Why it may end: set by the fault that ends it. */
  doom;
  /** How it ended: set when it has. @type {{ pid: number, code: number | null, signal: string | null, doom?: string } | undefined} */
  end;
  /** Log lines that are not allowed. @type {string[]} */
  stray = [];
  /** Characters that it has logged and that were read. */
  logged = 0;
  /** Its place in its supervisor: a replacement has the same. @type {number} */
  slot;
  /** The file that gets its output. */
  log;
  /** Whether it became ready. @type {Promise<boolean>} */
  ready;
  /** @type {Promise<void>} */
  exited;
  #child;

  /**
   * @param {string[]} command program and arguments
   * @param {{ log: string, leash: import('./leash.js').Leash, ready: string, env?: Record<string, string>, ipc?: boolean }} options
   *   `log`: the file that gets its output; `ready`: what stands in a line when it is ready; `env`: added to the
   *   environment
   */
  constructor([program, ...args], { log, leash, ready, env, ipc = false }) {
    const stdio = ['ignore', 'pipe', 'pipe', ...(ipc ? ['ipc'] : [])];
    const child = leash.hold(spawn(program, args, { env: { ...environment(), ...env }, stdio }));
    this.#child = child;
    this.log = log;
    let settle;
    const isReady = new Promise((resolve) => {
      settle = resolve;
    });
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', (line) => {
        appendFileSync(log, `${line}\n`);
        this.logged += line.length;
        if (STRAY.test(line)) this.stray.push(line);
        if (line.includes(ready)) settle(true);
      });
    this.exited = once(child, 'exit').then(([code, signal]) => {
      this.end = { pid: child.pid, code, signal, doom: this.doom };
      settle(false);
    });
    const late = setTimeout(() => settle(false), READY_MS);
    this.ready = isReady.finally(() => clearTimeout(late));
  }

  get pid() {
    return this.#child.pid;
  }

  signal(name) {
    this.#child.kill(name);
  }

  /** Sends a message to a program that was started with `ipc`. */
  send(message) {
    this.#child.send(message);
  }

  /** Called with each message of a program that was started with `ipc`. */
  onMessage(listener) {
    this.#child.on('message', listener);
  }

  /** Its log is not read any more, until {@link readLog}. */
  leaveLog() {
    this.#child.stderr.pause();
  }

  readLog() {
    this.#child.stderr.resume();
  }

  /** Ends it for a fault. */
  async kill(doom, signal = 'SIGKILL') {
    this.doom = doom;
    this.#child.kill(signal);
    await this.exited;
  }
}

/** The developer's own settings must not reach the group. */
function environment() {
  const ours = /^(REDIS_URL|CGROUP_.*|NODE_OPTIONS)$/;
  const inherited = Object.entries(process.env).filter(([name]) => !ours.test(name));
  return { ...Object.fromEntries(inherited), NO_COLOR: '1' };
}
