import { join } from 'node:path';
import { freePort } from '../free-port.js';
import { Program } from '../program.js';
import { Supervisor } from '../supervisor.js';

const SERVICE = new URL('service.mjs', import.meta.url).pathname;

/** The web service of a group. It is not replaced when it ends: the fault starts it again. */
export class Service extends Supervisor {
  /** Consumers of each process. */
  consumers = 2;
  #port;

  /** @param {{ dir: string, leash: import('../leash.js').Leash }} tools */
  static async start({ dir, leash }) {
    const service = new Service(async (_, count) => {
      const command = [process.execPath, SERVICE, String(service.#port)];
      const log = join(dir, `service-${count}.log`);
      return new Program(command, { log, leash, ready: 'listening', ipc: true });
    });
    service.#port = await freePort();
    return service;
  }

  /** The arguments of a process of the group. */
  argsOf() {
    return ['--processor', `http://127.0.0.1:${this.#port}/`];
  }

  async join() {
    await this.add(1);
  }

  /** The process that serves now. */
  get now() {
    return this.processes[0];
  }

  /** Kills it. It stays away until {@link join}. */
  async kill(doom) {
    const { now } = this;
    now.retired = true;
    await now.kill(doom);
  }

  /** Changes how it answers; returns how many requests met the mode before. */
  turn(mode) {
    const { now } = this;
    return new Promise((resolve) => {
      now.onMessage(({ met }) => resolve(met));
      now.send(mode);
    });
  }
}
