import { join } from 'node:path';
import { GroupProcess } from './group-process.js';
import { Supervisor } from './supervisor.js';
import { until } from './until.js';

/** The processes of the group under test. */
export class Group extends Supervisor {
  #holder;

  /**
   * @param {{ redisPort?: number, url: string, argsOf: (slot: number) => string[], hostOf: (slot: number) => import('./hosts.js').Host, dir: string, leash: import('./leash.js').Leash, mutant?: string }} options
   * @param {() => Promise<string>} holder returns the id of the leading bridge
   */
  constructor({ dir, argsOf, hostOf, ...options }, holder) {
    super((slot, count) => {
      const log = join(dir, `process-${count}.log`);
      return GroupProcess.start({ ...options, args: argsOf(slot), host: hostOf(slot), log });
    });
    this.#holder = holder;
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
}
