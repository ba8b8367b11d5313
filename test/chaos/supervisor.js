import { setTimeout as sleep } from 'node:timers/promises';
import { until } from './until.js';

/** ms after which a dead program comes back, as under any supervisor. */
const RESTART_MS = 300;
/** ms for a clean stop: the product promises `shutdownTimeout` (10 s). */
const STOP_MS = 15_000;

/** Programs of one kind. Those that end are replaced. */
export class Supervisor {
  /** All that ever ran. @type {import('./program.js').Program[]} */
  all = [];
  #launch;
  #launched = 0;
  #slots = 0;
  #closing = false;

  /**
   * @param {(slot: number, count: number) => Promise<import('./program.js').Program>} launch starts a program. A
   *   replacement has the slot of the one before; `count` is 1 for the first program
   */
  constructor(launch) {
    this.#launch = launch;
  }

  /** The programs that run. */
  get processes() {
    return this.all.filter((one) => !one.end);
  }

  /** Starts programs together and waits until they are ready. */
  async add(count) {
    const started = await Promise.all(Array.from({ length: count }, () => this.#start(this.#slots++)));
    await this.#ready(started);
    return started;
  }

  /** Ends one by SIGTERM for good: it is not replaced. */
  async remove(one) {
    one.retired = true;
    one.signal('SIGTERM');
    await one.exited;
  }

  /** Waits until so many run and are ready, replacements included. */
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

  async #start(slot) {
    const one = await this.#launch(slot, ++this.#launched);
    one.slot = slot;
    this.all.push(one);
    if (this.#closing) one.signal('SIGKILL');
    void one.exited.then(() => this.#replace(one, slot));
    return one;
  }

  async #replace(one, slot) {
    if (one.retired) return;
    await sleep(RESTART_MS);
    if (!this.#closing) await this.#start(slot);
  }

  async #ready(programs) {
    for (const one of programs)
      if (!(await one.ready) && !one.doom) throw new Error(`process ${one.pid} did not become ready`);
  }
}
