import { setTimeout as sleep } from 'node:timers/promises';
import { FaultProxy } from '../fault-proxy.js';
import { until } from '../until.js';

/** ms between two looks. */
const EVERY_MS = 50;

/**
 * Looks again and again who the master is, and leads a port to it: publisher, witness and probe know only this port. When another
 * server is the master, their connections are reset.
 */
export class Lead {
  /** @type {import('../checker/types.js').Look[]} */
  looks = [];
  /** Each time that another server was the master. @type {import('../checker/types.js').Promotion[]} */
  promotions = [];
  #find;
  #proxy;
  /** Of the server that was the master at the last look. */
  #address;
  #stopped = false;

  /**
   * @param {() => Promise<import('../../servers/redis-node.js').RedisNode | undefined>} find resolves to the master, if there is one
   */
  static async start(find) {
    const lead = new Lead();
    lead.#find = find;
    const first = await until(find, { what: 'a master' });
    lead.#proxy = await FaultProxy.start(first.port, first.host.address);
    lead.#address = first.address;
    lead.#watching = lead.#watch();
    return lead;
  }

  #watching;

  /** On the loopback interface. */
  get port() {
    return this.#proxy.port;
  }

  async stop() {
    this.#stopped = true;
    await this.#watching;
    await this.#proxy.stop();
  }

  async #watch() {
    while (!this.#stopped) {
      const began = Date.now();
      const node = await this.#find().catch(() => undefined);
      const ended = Date.now();
      this.looks.push({ began, ended, address: node?.address });
      if (node && node.address !== this.#address) {
        this.#address = node.address;
        this.#proxy.leadTo(node.port, node.host.address);
        this.promotions.push({ at: ended, named: ended, address: node.address });
      }
      await sleep(EVERY_MS);
    }
  }
}
