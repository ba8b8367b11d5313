import slotOf from 'cluster-key-slot';
import { CgroupError } from '../../core/errors.js';
import { type HostPort, hostAndPort, parseRedisUrl, type RedisAddress } from '../../core/redis-address.js';
import { plural } from '../../core/words.js';
import { type Logger, silentLogger } from '../../log/logger.js';
import { repeatedFailures, type ThrottledLog } from '../../log/throttle.js';
import { readCluster, type SlotMaster } from './cluster-map.js';
import { isReply } from './failure.js';
import { Informants } from './informants.js';
import { masterIn, sentinelsIn, type WatchedMaster } from './sentinel-replies.js';
import type { TlsSettings } from './tls.js';

export interface PlaceOptions extends TlsSettings {
  readonly redis: string;
  /** The key whose slot connections belong to, unless they name another one. Without a key they stay at the server of the URL. */
  readonly output?: string | undefined;
  /** How many replicas must have a result before it counts as settled; 0 for none. */
  readonly minReplicas?: number | undefined;
}

/** A connection that is to stay with the master of its slot. */
export interface Follower {
  readonly slot: number | undefined;
  /** Where it is connected; undefined while it is not. */
  readonly at: HostPort | undefined;
  /** Ends the connection and makes it again. */
  renew(): void;
}

type Master = SlotMaster | WatchedMaster;

/** ms between two looks at who is the master. */
const LOOK_EVERY = 500;

/**
 * Where a group's Redis is: at one address, where Sentinels say, or at the nodes of a Cluster. Each connection asks it for a server
 * before it connects. While there are connections to a master that others may replace, it looks again and again who the master is: a
 * master that was stopped, or a link that was cut, says nothing.
 */
export class RedisPlace {
  readonly address: RedisAddress;
  /** Undefined without TLS. */
  readonly tls: TlsSettings | undefined;
  readonly minReplicas: number;
  readonly #key: string | undefined;
  readonly #log: Logger;
  readonly #followers = new Set<Follower>();
  readonly #informants: Informants;
  readonly #lacking: ThrottledLog<unknown>;
  #isCluster: boolean;
  #looking:
    | { readonly slots: ReadonlySet<number>; readonly found: Promise<ReadonlyMap<number, Master>> }
    | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: PlaceOptions, log: Logger = silentLogger) {
    const address = parseRedisUrl(options.redis);
    const { user, password, sentinel } = address;
    this.address = address;
    this.tls = address.tls ? options : undefined;
    this.minReplicas = options.minReplicas ?? 0;
    this.#key = options.output;
    this.#log = log;
    this.#lacking = repeatedFailures(
      log,
      'replicas are missing (minReplicas): messages and results wait for them',
      'warn',
    );
    this.#isCluster = address.nodes !== undefined && sentinel === undefined;
    const own =
      sentinel && (sentinel.user !== '' || sentinel.password !== '') ? sentinel : { user, password };
    this.#informants = new Informants({
      named: address.nodes ?? [address],
      tls: this.tls,
      family: address.family,
      credentials: own.user === '' && own.password === '' ? undefined : own,
    });
  }

  get isCluster(): boolean {
    return this.#isCluster;
  }

  /** Whether there is one address, and no one else to ask. */
  get isPlain(): boolean {
    return !this.#isCluster && this.address.sentinel === undefined;
  }

  /** In words, for messages. */
  get name(): string {
    const { address } = this;
    const servers = (address.nodes ?? [address]).map(hostAndPort).join(', ');
    if (address.sentinel) return `the master ${address.sentinel.master} of the Sentinels at ${servers}`;
    return this.#isCluster ? `the Cluster at ${servers}` : `Redis at ${servers}`;
  }

  /** The slot of a key; without one, of the key that connections belong to. */
  slotOf(key = this.#key): number | undefined {
    return key === undefined ? undefined : slotOf(key);
  }

  /**
   * The server to connect to.
   *
   * @throws {CgroupError} REDIS_UNREACHABLE or REDIS_REFUSED if the servers are not what the URL says; another error if it is
   *   not known for now
   */
  async find(slot: number | undefined): Promise<HostPort> {
    const asked = this.#asked(slot);
    if (asked === undefined) return this.address;
    const master = (await this.#look(asked)).get(asked);
    if (master) return master;
    throw new Error(`no node has the slot ${slot}: redis-cli --cluster check shows what is missing`);
  }

  /**
   * Looks at what a server says of itself in INFO.
   *
   * @param found whether it was found by asking others
   * @throws if a connection cannot use it, and another one is to be looked for
   */
  check(facts: ReadonlyMap<string, string>, slot: number | undefined, found: boolean): void {
    if (facts.get('cluster_enabled') === '1' && !found) {
      this.foundCluster();
      if (slot !== undefined)
        throw new Error('it is a node of a Cluster: the node of the group is looked for');
    }
    if (found && facts.get('role') === 'slave') throw new Error('it is a replica: its master is looked for');
  }

  /** So many replicas have what was written last. */
  haveReplicas(count: number): void {
    if (count >= this.minReplicas) this.#lacking.over();
    else
      this.#lacking.add(
        new CgroupError(
          'REDIS_REFUSED',
          `${count} of ${plural(this.minReplicas, 'replica')} have the last writes`,
        ),
      );
  }

  /** A server has said that another node has the slot. */
  foundCluster(): void {
    this.#isCluster = true;
    this.#watch();
  }

  /** From now on the connection is renewed when another server is the master. */
  follow(follower: Follower): void {
    this.#followers.add(follower);
    this.#watch();
  }

  /** The connection is closed for good. */
  unfollow(follower: Follower): void {
    this.#followers.delete(follower);
    if (this.#followers.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#informants.close();
  }

  #watch(): void {
    if (this.isPlain || this.#followers.size === 0 || this.#timer) return;
    this.#timer = setInterval(() => void this.#checkAll(), LOOK_EVERY).unref();
  }

  /** Renews the connections to servers that are no longer the masters. */
  async #checkAll(): Promise<void> {
    try {
      const masters = await this.#look();
      const moved = new Map<string, string>();
      for (const follower of this.#followers) {
        const { at } = follower;
        const asked = this.#asked(follower.slot);
        const master = asked === undefined ? undefined : masters.get(asked);
        if (!at || !master || hostAndPort(master) === hostAndPort(at)) continue;
        moved.set(hostAndPort(at), hostAndPort(master));
        follower.renew();
      }
      for (const [from, to] of moved)
        this.#log.warn({ from, to }, `the master is at ${to} now, no longer at ${from}`);
    } catch (error) {
      this.#log.debug({ error }, 'cannot find out who the master is');
    }
  }

  /** One look serves all that ask meanwhile. */
  #look(slot?: number): Promise<ReadonlyMap<number, Master>> {
    if (this.#looking && (slot === undefined || this.#looking.slots.has(slot))) return this.#looking.found;
    const slots = new Set([...this.#followers].flatMap((one) => this.#asked(one.slot) ?? []));
    if (slot !== undefined) slots.add(slot);
    const found = (this.address.sentinel ? this.#askSentinels() : this.#askNodes(slots)).finally(() => {
      if (this.#looking?.found === found) this.#looking = undefined;
    });
    this.#looking = { slots, found };
    return found;
  }

  /** The slot whose master is asked for; Sentinels know one master for all. Undefined if nobody needs to be asked. */
  #asked(slot: number | undefined): number | undefined {
    if (this.address.sentinel) return 0;
    return this.#isCluster ? slot : undefined;
  }

  async #askSentinels(): Promise<ReadonlyMap<number, Master>> {
    const name = this.address.sentinel?.master ?? '';
    const answers = await this.#informants.ask(async (redis) => {
      const [address, facts, others] = await Promise.all([
        redis.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name),
        redis.call('SENTINEL', 'MASTER', name).catch(ifRefused),
        redis.call('SENTINEL', 'SENTINELS', name).catch(ifRefused),
      ]);
      return { master: masterIn(address, facts), sentinels: sentinelsIn(others) };
    });
    this.#informants.learn(answers.flatMap(({ sentinels }) => sentinels));
    const newest = newestOf(answers.map(({ master }) => master));
    if (newest) return new Map([[0, newest]]);
    throw new CgroupError(
      'REDIS_UNREACHABLE',
      `${this.name} is not known to them: is the name after # right? redis-cli -p 26379 SENTINEL MASTERS lists those they watch`,
    );
  }

  async #askNodes(slots: ReadonlySet<number>): Promise<ReadonlyMap<number, Master>> {
    const maps = await this.#informants.ask(async (redis, at) => {
      const [ranges, nodes] = await Promise.all([
        redis.call('CLUSTER', 'SLOTS').catch((error: unknown) => notCluster(error, at)),
        redis.call('CLUSTER', 'NODES').catch(ifRefused),
      ]);
      return readCluster(ranges, String(nodes ?? ''), at, slots);
    });
    this.#informants.learn(maps.flatMap(({ nodes }) => nodes));
    const masters = new Map<number, Master>();
    for (const slot of slots) {
      const newest = newestOf(maps.map((map) => map.masters.get(slot)));
      if (newest) masters.set(slot, newest);
    }
    return masters;
  }
}

function notCluster(error: unknown, at: HostPort): never {
  if (!isReply(error) || !error.message.includes('cluster support disabled')) throw error;
  throw new CgroupError(
    'REDIS_REFUSED',
    `Redis at ${hostAndPort(at)} is no node of a Cluster, but the URL names several servers: name one, or Sentinels (redis-sentinel://host,host#master)`,
  );
}

/** The one with the highest epoch. */
function newestOf<Known extends Master>(all: readonly (Known | undefined)[]): Known | undefined {
  return all.reduce((best, one) => (one && (!best || one.epoch > best.epoch) ? one : best), undefined);
}

/** Without the right to ask, or the command, nothing is known. */
function ifRefused(error: unknown): undefined {
  if (isReply(error) && !error.message.startsWith('NOAUTH')) return undefined;
  throw error;
}
