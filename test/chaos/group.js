import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { GroupProcess } from './group-process.js';
import { until } from './until.js';

/** ms after which a dead process comes back, as under any supervisor. */
const RESTART_MS = 300;
/** ms for a clean stop: the product promises `shutdownTimeout` (10 s). */
const STOP_MS = 15_000;

/** The processes of the group under test, and a supervisor that replaces those that end. */
export class Group {
  /** All that ever ran. @type {GroupProcess[]} */
  all = [];
  #options;
  #holder;
  #closing = false;

  /**
   * @param {{ redisPort: number, args: string[], dir: string, leash: import('./leash.js').Leash, mutant?: string }} options
   * @param {() => Promise<string>} holder returns the id of the leading bridge
   */
  constructor(options, holder) {
    this.#options = options;
    this.#holder = holder;
  }

  /** The processes that run. */
  get processes() {
    return this.all.filter((one) => !one.end);
  }

  /** Starts processes together and waits until they are ready. */
  async add(count) {
    const started = await Promise.all(Array.from({ length: count }, () => this.#start()));
    await this.#ready(started);
    return started;
  }

  /** Ends one by SIGTERM for good; the supervisor does not replace it. */
  async remove(one) {
    one.retired = true;
    one.signal('SIGTERM');
    await one.exited;
  }

  /** The process that leads now. */
  leader() {
    return until(
      async () => {
        const holder = await this.#holder();
        return holder && this.processes.find((one) => one.owns(holder));
      },
      { what: 'a process that leads' },
    );
  }

  /** One that does not lead. */
  async follower() {
    const leader = await this.leader();
    return this.processes.find((one) => one !== leader);
  }

  /** Waits until a process other than this one leads; returns ms waited. */
  async ledByAnother(one) {
    const began = performance.now();
    await until(
      async () => {
        const holder = await this.#holder();
        return holder && !one.owns(holder);
      },
      { what: 'another process to lead' },
    );
    return Math.round(performance.now() - began);
  }

  /** Waits until so many processes run and are ready, replacements included. */
  async whole(count) {
    await until(() => this.processes.length === count, { what: `${count} processes` });
    await this.#ready(this.processes);
  }

  /** Ends all by SIGTERM. Kills those that do not end: the checker counts that as a failure. */
  async stop() {
    this.#closing = true;
    const running = this.processes;
    for (const one of running) {
      one.signal('SIGCONT'); // a fault that failed half-way may have left it stopped
      one.signal('SIGTERM');
    }
    const patience = setTimeout(() => {
      for (const one of this.processes) one.signal('SIGKILL');
    }, STOP_MS);
    await Promise.all(running.map((one) => one.exited));
    clearTimeout(patience);
  }

  async #start() {
    const { dir, ...options } = this.#options;
    const log = join(dir, `process-${this.all.length + 1}.log`);
    const one = await GroupProcess.start({ ...options, log });
    this.all.push(one);
    void one.exited.then(() => this.#replace(one));
    return one;
  }

  async #replace(one) {
    if (one.retired) return;
    await sleep(RESTART_MS);
    if (!this.#closing) await this.#start();
  }

  async #ready(processes) {
    for (const one of processes)
      if (!(await one.ready) && !one.doom) throw new Error(`process ${one.pid} did not become ready`);
  }
}
