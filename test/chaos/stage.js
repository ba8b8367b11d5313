import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { GroupClient } from '../../dist/index.js';
import { Group } from './group.js';
import { BRIDGE, PACKS } from './keys.js';
import { Leash } from './leash.js';
import { openPlace } from './places/index.js';
import { Probe } from './probe.js';
import { Publishing } from './publishing.js';
import { until } from './until.js';
import { Witness } from './witness.js';

const CONSUMERS_PER_PROCESS = 2;
/** The number of the first message that is published at a server that is cut off, and messages per second there. */
const [CUT_OFF_FIRST, CUT_OFF_RATE] = [1_000_000_000, 100];
/** ms between two marks of a bridge. */
const MARK_MS = 100;

/** All that a round needs: Redis, the processes of the group behind their proxies, publisher, witness and probe. */
export class Stage {
  dir = mkdtempSync(join(tmpdir(), 'cgroup-chaos-'));
  /** ms since 1970: everything published before was deleted with the whole database. */
  emptiedAt = 0;
  /** When the fault ended, on performance.now(); undefined: when its strike returned. */
  healedAt;
  /** Consumers of all processes together; undefined if each has {@link CONSUMERS_PER_PROCESS}. */
  size;
  /** What processes the messages, if that is not in the processes of the group. */
  workers;
  /** When the last split ended, ms since 1970. */
  joinedAt;
  /** Publishes at a server that is cut off, during a split. @type {Publishing | undefined} */
  cutOff;
  #leash = new Leash(this.dir);
  #run;

  /**
   * @param {{ run: string, rate: number, bridges: number, order: 'none' | 'total' | 'key', on: 'one' | 'sentinel' | 'cluster', minReplicas: number, mutant?: string, redis?: object, args?: string[], workers?: import('./faults/fault.js').StartWorkers }} options
   */
  static async open(options) {
    const stage = new Stage();
    try {
      await stage.#open(options);
    } catch (error) {
      await stage.close();
      throw new Error(`${error.message} (logs: ${stage.dir})`, { cause: error });
    }
    return stage;
  }

  async #open({ run, rate, bridges, on, minReplicas, mutant, order, redis = {}, args = [], workers }) {
    const [dir, leash] = [this.dir, this.#leash];
    this.bridges = bridges;
    this.place = await openPlace(on, { dir, leash, bridges, ...redis });
    this.#run = run;
    this.minReplicas = minReplicas;
    this.redis = this.place.redis;
    const { port, url } = this.place;
    this.admin = new Redis({ port, connectionName: 'chaos:admin', retryStrategy: () => 20 });
    this.admin.on('error', () => {}); // the faults that take Redis away wait for it themselves
    this.probe = new Probe(port);
    this.witness = await Witness.start(port);
    this.client = await GroupClient.connect({ redis: url });
    this.workers = await workers?.({ dir, leash, bridges });
    this.order = order;
    const ordered = { none: [], total: ['--order', order], key: ['--order', order, '--order-key', 'k'] };
    const settings = [
      '--size',
      String(CONSUMERS_PER_PROCESS),
      '--bridges',
      String(bridges),
      ...ordered[order],
      ...(minReplicas > 0 ? ['--min-replicas', String(minReplicas)] : []),
      ...args,
    ];
    const argsOf = (slot) => [...settings, ...(this.workers?.argsOf(slot) ?? [])];
    const redisPort = this.place.direct ? undefined : port;
    const hostOf = (slot) => this.place.hostOf(slot);
    this.group = new Group({ redisPort, url, argsOf, hostOf, dir, leash, mutant }, () => this.#holder());
    await this.group.add(1);
    await this.group.add(bridges - 1);
    await this.workers?.join();
    await this.bridgesInStep();
    this.publishing = new Publishing({ port, run, rate, dir, leash });
    await until(() => this.probe.seen.processed > 0, { what: 'the first result' });
  }

  async close() {
    this.publishing?.kill();
    this.cutOff?.kill();
    await this.group?.stop();
    await this.workers?.stop();
    this.probe?.stop();
    this.witness?.stop();
    this.client?.close();
    this.admin?.disconnect();
    await this.place?.close();
    this.#leash.release();
  }

  /** Removes the logs. Not called while they are needed. */
  clear() {
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** Marks the end of the fault: a slow recovery counts from here. */
  healed() {
    this.healedAt = performance.now();
  }

  /** Marks that the database was deleted just now. */
  emptied() {
    this.emptiedAt = Date.now();
  }

  /** Sets the size of a group whose processes are managed. */
  async scale(size) {
    this.size = size;
    await this.client.scale(size);
  }

  /** Publishes on a host, at a server that only this side of a split reaches, until `this.cutOff` is stopped. */
  publishAt({ port, host: { address } }, host) {
    const [dir, leash] = [this.dir, this.#leash];
    const messages = { run: this.#run, first: CUT_OFF_FIRST, rate: CUT_OFF_RATE };
    this.cutOff = new Publishing({ port, address, host, dir, leash, ...messages });
  }

  /** Consumers of each process, if the group is not managed. */
  get consumers() {
    return this.workers?.consumers ?? CONSUMERS_PER_PROCESS;
  }

  get proxies() {
    return this.group.processes.map((one) => one.proxy);
  }

  /** The connections of the group with a role, from CLIENT LIST. @returns {Promise<{ id: string, port: string }[]>} */
  async clients(role) {
    const list = await this.admin.client('LIST');
    const lines = list.split('\n').filter((line) => line.includes(` name=cgroup:${role} `));
    return lines.map((line) => /id=(?<id>\d+) .*?addr=\S*:(?<port>\d+) /.exec(line).groups);
  }

  /** Waits until all seats have a subscribed bridge. */
  bridgesSubscribed() {
    return until(
      async () => {
        const list = await this.admin.client('LIST');
        const subscribed = list.match(/ name=cgroup:subscriber .* sub=2 /g);
        return subscribed?.length === this.bridges;
      },
      { what: `${this.bridges} bridges that are subscribed` },
    );
  }

  /** Waits until all seats have a bridge in step: it has seen a mark since it subscribed. */
  async bridgesInStep() {
    await this.bridgesSubscribed();
    await sleep(5 * MARK_MS);
  }

  /** Whether packs were ever relayed. */
  async hasPacks() {
    const info = await this.admin.xinfo('STREAM', PACKS);
    return info[info.indexOf('last-generated-id') + 1] !== '0-0';
  }

  async #holder() {
    return (await this.admin.hget(BRIDGE, 'holder')) ?? '';
  }
}
