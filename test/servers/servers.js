import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Leash } from '../chaos/leash.js';
import { RedisNode } from './redis-node.js';

/** Servers that begin and end together. servers.d.ts explains its methods. */
export class Servers {
  nodes = [];
  #dir = mkdtempSync(join(tmpdir(), 'cgroup-servers-'));
  #leash = new Leash(this.#dir);
  #closed;

  /** Starts servers side by side. All of them are ended if one does not start. */
  async launch(...options) {
    const added = options.map((one) => new RedisNode({ dir: this.#dir, leash: this.#leash, ...one }));
    this.nodes.push(...added);
    await this.orClose(() => Promise.all(added.map((node) => node.start())));
    return added;
  }

  /** Does a part of the start, and ends all servers if it fails. */
  async orClose(work) {
    try {
      return await work();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  kill(node) {
    return node.kill();
  }

  stop(node) {
    node.freeze();
  }

  continue(node) {
    node.thaw();
  }

  restart(node) {
    return node.restart();
  }

  close() {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close() {
    await Promise.all(this.nodes.map((node) => node.kill()));
    this.#leash.release();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
