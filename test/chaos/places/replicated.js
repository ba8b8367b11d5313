import { Cluster } from '../../servers/cluster.js';
import { Sentinels } from '../../servers/sentinels.js';
import { NotProven } from '../faults/fault.js';
import { HERE, Hosts } from '../hosts.js';
import { OUTPUT } from '../keys.js';
import { until } from '../until.js';
import { Lead } from './lead.js';

/** ms within which the servers must have found another master, or be in order again. The machine may be busy. */
const AGREE_MS = 30_000;

/** Servers of which one is the master of the group, and another one may be it later: those of Sentinels, or a Cluster. */
export class Replicated {
  /** The processes reach it by its URL. */
  direct = true;
  /** @type {Sentinels | Cluster} */
  servers;
  /** Of the servers, then of the processes; undefined if all are on this machine. @type {Hosts | undefined} */
  hosts;
  #lead;

  /**
   * @param {'sentinel' | 'cluster'} on
   * @param {{ leash: import('../leash.js').Leash, bridges: number, apart?: boolean }} options
   */
  static async open(on, { leash, bridges, apart = false }) {
    const place = on === 'cluster' ? new OnCluster() : new OnSentinels();
    try {
      if (apart) place.hosts = Hosts.open(place.hostCount + bridges, leash);
      if (place.hosts?.why) throw new Error(place.hosts.why);
      place.servers = await place.start(place.hosts?.all.slice(0, place.hostCount));
      place.#lead = await Lead.start(() => place.look());
    } catch (error) {
      await place.close();
      throw error;
    }
    return place;
  }

  /** Where a process of the group runs. */
  hostOf(slot) {
    return this.hosts?.all[this.hostCount + slot] ?? HERE;
  }

  /** These hosts reach only each other from now on. This machine is on the other side. */
  split(hosts) {
    for (const node of this.servers.nodes) node.isAway = hosts.includes(node.host);
    this.hosts.split(hosts);
  }

  /** Ends the split. */
  join() {
    this.hosts.join();
    for (const node of this.servers.nodes) node.isAway = false;
  }

  /** Of what leads to the master. */
  get port() {
    return this.#lead.port;
  }

  get looks() {
    return this.#lead.looks;
  }

  get promotions() {
    return this.#lead.promotions;
  }

  /** The master, unless it is dead, stopped or none any more. */
  async look() {
    const node = await this.master();
    return node.isRunning && /role:master/.test(await node.call('INFO', 'replication')) ? node : undefined;
  }

  /** Does what makes another server the master, and waits until the servers say so. Resolves to ms waited, and to the new master. */
  async promoted(work) {
    const old = await this.master();
    const count = this.promotions.length;
    const began = performance.now();
    await work(old);
    try {
      await until(() => this.promotions.length > count && this.promotions.at(-1).address !== old.address, {
        what: 'another master',
        timeout: AGREE_MS,
      });
    } catch (error) {
      throw new NotProven(error.message);
    }
    return { old, now: await this.master(), ms: Math.round(performance.now() - began) };
  }

  /** Waits until so many replicas of the master are in step. */
  async replicated(count) {
    await until(
      async () => {
        const info = await (await this.master()).call('INFO', 'replication');
        return (info.match(/^slave\d+:.*state=online/gm)?.length ?? 0) >= count;
      },
      { what: `${count} replicas in step`, timeout: AGREE_MS, every: 50 },
    );
  }

  async close() {
    await this.#lead?.stop();
    await this.servers?.close();
    this.hosts?.close();
  }
}

class OnSentinels extends Replicated {
  /** Of the master. */
  replicaCount = 2;
  /** Each has a server and a Sentinel. */
  hostCount = 3;

  start(hosts) {
    return Sentinels.start({ hosts });
  }

  get url() {
    return this.servers.url;
  }

  master() {
    return this.servers.master();
  }

  replicas() {
    return this.servers.replicas();
  }

  failover() {
    return this.servers.failover();
  }

  reading(admin) {
    return admin;
  }
}

class OnCluster extends Replicated {
  replicaCount = 1;
  /** Each has a node. */
  hostCount = 6;

  start(hosts) {
    return Cluster.start({ hosts });
  }

  /** Of all nodes: a process may start while one of them is away. */
  get url() {
    return `redis://${this.servers.nodes.map(({ address }) => address).join(',')}`;
  }

  master() {
    return this.servers.nodeOf(OUTPUT);
  }

  async replicas() {
    return this.servers.replicas(await this.master());
  }

  async failover() {
    const [replica] = await this.replicas();
    await this.servers.failover(replica);
  }

  /** A stand-in for a connection to the node with a key: it has only what reads lists. */
  reading() {
    const { servers } = this;
    return {
      lrange: async (key, ...range) => (await servers.nodeOf(key)).call('LRANGE', key, ...range),
    };
  }
}
