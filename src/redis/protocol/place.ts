import slotOf from 'cluster-key-slot';
import { CgroupError } from '../../core/errors.js';
import { type HostPort, hostAndPort, parseRedisUrl, type RedisAddress } from '../../core/redis-address.js';
import { type Logger, silentLogger } from '../../log/logger.js';
import { type Follower, Followers } from './followers.js';
import { Masters, type MastersBySlot, type SentinelsSeen } from './masters.js';
import { PlaceLog } from './place-log.js';
import type { TlsSettings } from './tls.js';
import { mendable } from './unreachable.js';

export interface PlaceOptions extends TlsSettings {
  readonly redis: string;
  /** The key whose slot connections belong to, unless they name another one. Without a key they stay at the server of the URL. */
  readonly output?: string | undefined;
  /** How many replicas must have a result before it counts as settled; 0 for none. */
  readonly minReplicas?: number | undefined;
}

/**
 * Where a group's Redis is: at one address, where Sentinels say, or at the nodes of a Cluster. Each connection asks it for a server
 * before it connects. While there are connections to a master that others may replace, it looks again and again who the master is.
 */
export class RedisPlace {
  readonly address: RedisAddress;
  /** Undefined without TLS. */
  readonly tls: TlsSettings | undefined;
  readonly minReplicas: number;
  readonly log: PlaceLog;
  readonly #key: string | undefined;
  readonly #followers: Followers;
  readonly #masters: Masters;
  #isCluster: boolean;
  #looking: { readonly slots: ReadonlySet<number>; readonly found: Promise<MastersBySlot> } | undefined;

  constructor(options: PlaceOptions, log: Logger = silentLogger) {
    const address = parseRedisUrl(options.redis);
    this.address = address;
    this.tls = address.tls ? options : undefined;
    this.minReplicas = options.minReplicas ?? 0;
    this.#key = options.output;
    this.#isCluster = address.nodes !== undefined && address.sentinel === undefined;
    this.#masters = new Masters(address, this.tls);
    this.log = new PlaceLog(
      log,
      `the ${address.sentinel ? 'Sentinels' : 'nodes of the Cluster'} at ${this.#servers}`,
    );
    this.#followers = new Followers(
      async () => {
        const masters = await this.#look();
        return (slot) => masters.get(this.#asked(slot) ?? -1);
      },
      (error) => this.log.notFound(error),
    );
  }

  get isCluster(): boolean {
    return this.#isCluster;
  }

  /** Whether there is one address, and no other one to ask. */
  get isPlain(): boolean {
    return !this.#isCluster && this.address.sentinel === undefined;
  }

  /** In words, for messages. */
  get name(): string {
    const { sentinel } = this.address;
    if (sentinel) return `the master ${sentinel.master} of the Sentinels at ${this.#servers}`;
    return this.#isCluster ? `the Cluster at ${this.#servers}` : `Redis at ${this.#servers}`;
  }

  /** For a server that the URL takes for Redis. */
  get #isSentinel(): string {
    const { tls } = this.address;
    const url = `${tls ? 'rediss' : 'redis'}-sentinel://${this.#servers.replaceAll(' ', '')}/0#mymaster`;
    return `${this.#servers} is a Sentinel: write --redis '${url}', with the name of your master after #`;
  }

  get #servers(): string {
    return (this.address.nodes ?? [this.address]).map(hostAndPort).join(', ');
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
    const master = (await this.#look(asked)).get(asked)?.[0];
    if (master) return master;
    throw new Error(`no node has the slot ${slot}: redis-cli --cluster check shows what is missing`);
  }

  /** The Sentinels that are known; undefined without. */
  sentinels(): Promise<SentinelsSeen | undefined> {
    return this.#masters.sentinels();
  }

  /**
   * Looks at what a server says of itself in INFO.
   *
   * @param found whether it was found by asking others
   * @throws if a connection cannot use it, and another one is to be looked for
   */
  check(facts: ReadonlyMap<string, string>, slot: number | undefined, found: boolean): void {
    if (facts.get('redis_mode') === 'sentinel') throw new CgroupError('REDIS_REFUSED', this.#isSentinel);
    if (facts.get('cluster_enabled') === '1' && !found) {
      this.foundCluster();
      if (slot !== undefined)
        throw new Error('it is a node of a Cluster: the node of the group is looked for');
    }
    if (found && facts.get('role') === 'slave') throw new Error('it is a replica: its master is looked for');
  }

  /** A server has said that another node has the slot. */
  foundCluster(): void {
    this.#isCluster = true;
    this.#followers.watch();
  }

  /**
   * A connection that was lost could not be made again.
   *
   * @param server in words
   */
  failed(server: string, error: unknown): void {
    const why = mendable(this, error);
    if (why !== undefined) this.log.failed(server, why);
  }

  /** From now on the connection is renewed when another server is the master. */
  follow(follower: Follower): void {
    this.#followers.add(follower);
    if (!this.isPlain) this.#followers.watch();
  }

  /** The connection is closed for good. */
  unfollow(follower: Follower): void {
    this.#followers.delete(follower);
    if (this.#followers.isEmpty) this.#masters.close();
  }

  /** One look serves all that ask meanwhile. */
  #look(slot?: number): Promise<MastersBySlot> {
    if (this.#looking && (slot === undefined || this.#looking.slots.has(slot))) return this.#looking.found;
    const slots = new Set(this.#followers.slots.flatMap((one) => this.#asked(one) ?? []));
    if (slot !== undefined) slots.add(slot);
    const found = this.#find(slots).finally(() => {
      if (this.#looking?.found === found) this.#looking = undefined;
    });
    this.#looking = { slots, found };
    return found;
  }

  async #find(slots: ReadonlySet<number>): Promise<MastersBySlot> {
    const masters = await this.#masters.find(slots);
    for (const [slot, names] of masters) this.log.found(slot, names);
    return masters;
  }

  /** The slot whose master is asked for; Sentinels know one master for all. Undefined if no server needs to be asked. */
  #asked(slot: number | undefined): number | undefined {
    if (this.address.sentinel) return 0;
    return this.#isCluster ? slot : undefined;
  }
}
