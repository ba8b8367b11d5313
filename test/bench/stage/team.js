import { descendantsOf, usageOf } from './usage.js';

/** A group and its workers: processes beside it, or its own children. */
export class Team {
  #group;
  #workers;

  /** @param {import('./child.js').Child} group @param {import('./child.js').Child[]} workers processes beside it */
  constructor(group, workers = []) {
    this.#group = group;
    this.#workers = workers;
  }

  /** Of the group's process. */
  usage() {
    return this.#group.usage();
  }

  /** ms of CPU that all workers have used so far. Those that run in threads count with the group. */
  workersCpuMs() {
    const pids = [...this.#workers.map(({ pid }) => pid), ...descendantsOf(this.#group.pid)];
    return pids.reduce((sum, pid) => sum + usageOf(pid).cpuMs, 0);
  }

  /** Stops the group, then its workers. */
  async stop() {
    await this.#group.stop();
    await Promise.all(this.#workers.map((worker) => worker.stop()));
  }
}
