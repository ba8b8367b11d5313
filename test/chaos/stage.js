import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Group } from './group.js';
import { BRIDGE } from './keys.js';
import { Leash } from './leash.js';
import { Probe } from './probe.js';
import { Publishing } from './publishing.js';
import { RedisServer } from './redis-server.js';
import { until } from './until.js';
import { Witness } from './witness.js';

const CONSUMERS_PER_PROCESS = 2;
/** Each bridge marks so often. */
const MARK_MS = 100;

/** What a round plays on: Redis, the group's processes behind their proxies, publisher, witness and probe. */
export class Stage {
  dir = mkdtempSync(join(tmpdir(), 'cgroup-chaos-'));
  /** What was published before this moment (ms since 1970) was wiped out with the whole database. */
  emptiedAt = 0;
  /** When the fault was over, on performance.now(); undefined: when its strike returned. */
  healedAt;
  #leash = new Leash(this.dir);

  /**
   * @param {{ run: string, rate: number, bridges: number, mutant?: string, redis?: object, args?: string[] }} options
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

  async #open({ run, rate, bridges, mutant, redis = {}, args = [] }) {
    const [dir, leash] = [this.dir, this.#leash];
    this.bridges = bridges;
    this.redis = await RedisServer.start({ dir, leash, ...redis });
    const { port } = this.redis;
    this.admin = new Redis({ port, connectionName: 'chaos:admin', retryStrategy: () => 20 });
    this.admin.on('error', () => {}); // the faults that take Redis away wait for it themselves
    this.probe = new Probe(port);
    this.witness = await Witness.start(port);
    const settings = ['--size', String(CONSUMERS_PER_PROCESS), '--bridges', String(bridges), ...args];
    this.group = new Group({ redisPort: port, args: settings, dir, leash, mutant }, () => this.#holder());
    await this.group.add(1);
    await this.group.add(bridges - 1);
    await this.bridgesInStep();
    this.publishing = new Publishing({ port, run, rate, dir, leash });
    await until(() => this.probe.seen.processed > 0, { what: 'the first result' });
  }

  async close() {
    this.publishing?.kill();
    if (this.group) await this.group.stop();
    this.probe?.stop();
    this.witness?.stop();
    this.admin?.disconnect();
    await this.redis?.stop();
    this.#leash.release();
  }

  /** Removes the logs; not called where they are still of use. */
  clear() {
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** Says that the fault is over; only what goes on for long after that is a slow recovery. */
  healed() {
    this.healedAt = performance.now();
  }

  /** Says that the database was wiped out just now. */
  emptied() {
    this.emptiedAt = Date.now();
  }

  get proxies() {
    return this.group.processes.map((one) => one.proxy);
  }

  /** Connections of the group with a role, as CLIENT LIST tells them. @returns {Promise<{ id: string, port: string }[]>} */
  async clients(role) {
    const list = await this.admin.client('LIST');
    const lines = list.split('\n').filter((line) => line.includes(` name=cgroup:${role} `));
    return lines.map((line) => /id=(?<id>\d+) .*?addr=\S*:(?<port>\d+) /.exec(line).groups);
  }

  /** Waits until as many bridges are subscribed as there are seats. */
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

  /** Waits until as many bridges are in step as there are seats: each has seen a mark since it subscribed. */
  async bridgesInStep() {
    await this.bridgesSubscribed();
    await sleep(5 * MARK_MS);
  }

  async #holder() {
    return (await this.admin.hget(BRIDGE, 'holder')) ?? '';
  }
}
