import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { FaultProxy } from './fault-proxy.js';

const BIN = fileURLToPath(new URL('../../bin/cgroup.js', import.meta.url));
const MUTANT = new URL('mutant.mjs', import.meta.url).href;
const PROCESSOR = fileURLToPath(new URL('processor.mjs', import.meta.url));
const READY_MS = 30_000;

/** Log lines that are not allowed: errors that the product did not expect. */
const STRAY = /unhandled|uncaught|error outside of any attempt/i;

/** One `cgroup start`, behind a proxy of its own. */
export class GroupProcess {
  /** Why it may end: set by the fault that ends it. */
  doom;
  /** How it ended: set when it has. @type {{ pid: number, code: number | null, signal: string | null, doom?: string } | undefined} */
  end;
  /** Log lines that are not allowed. @type {string[]} */
  stray = [];
  /** Characters that it has logged and that were read. */
  logged = 0;
  #child;

  /**
   * @param {{ redisPort: number, args: string[], log: string, leash: import('./leash.js').Leash, mutant?: string }} options
   *   `log`: the file that gets its output
   */
  static async start({ redisPort, args, log, leash, mutant }) {
    const process_ = new GroupProcess();
    process_.proxy = await FaultProxy.start(redisPort);
    process_.#launch(args, log, leash, mutant);
    return process_;
  }

  get pid() {
    return this.#child.pid;
  }

  /** Whether the id of a consumer or a bridge belongs to this process: it contains the process id. */
  owns(id) {
    return id.includes(`-${this.pid}-`);
  }

  signal(name) {
    this.#child.kill(name);
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

  #launch(args, log, leash, mutant) {
    const url = `redis://127.0.0.1:${this.proxy.port}`;
    const command = [BIN, 'start', '--redis', url, '--processor', PROCESSOR, '--log-format', 'json', ...args];
    const wrapper = mutant ? ['--import', MUTANT] : [];
    const child = spawn(process.execPath, [...wrapper, ...command], {
      env: environment(mutant),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = leash.hold(child);
    let settle;
    const ready = new Promise((resolve) => {
      settle = resolve;
    });
    for (const stream of [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', (line) => {
        appendFileSync(log, `${line}\n`);
        this.logged += line.length;
        if (STRAY.test(line)) this.stray.push(line);
        if (line.includes('"ready:')) settle(true);
      });
    this.exited = once(child, 'exit').then(async ([code, signal]) => {
      this.end = { pid: child.pid, code, signal, doom: this.doom };
      settle(false);
      await this.proxy.stop();
    });
    const late = setTimeout(() => settle(false), READY_MS);
    this.ready = ready.finally(() => clearTimeout(late));
  }
}

/** The developer's own settings must not reach the group. */
function environment(mutant) {
  const ours = /^(REDIS_URL|CGROUP_.*|NODE_OPTIONS)$/;
  const inherited = Object.entries(process.env).filter(([name]) => !ours.test(name));
  return { ...Object.fromEntries(inherited), NO_COLOR: '1', ...(mutant ? { CHAOS_MUTANT: mutant } : {}) };
}
