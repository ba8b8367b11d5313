import { CgroupError } from '../../core/errors.js';
import { type HostPort, hostAndPort, type RedisAddress } from '../../core/redis-address.js';
import { readCluster } from './cluster-map.js';
import { isReply } from './failure.js';
import { Informants } from './informants.js';
import { newestOf, type SeenMaster } from './seen-master.js';
import { masterIn, sentinelsIn } from './sentinel-replies.js';
import type { TlsSettings } from './tls.js';

/** The names of each master, by slot. Sentinels know one master for all: it has the slot 0. */
export type MastersBySlot = ReadonlyMap<number, readonly HostPort[]>;

/** Asks Sentinels, or the nodes of a Cluster, who the masters are. */
export class Masters {
  readonly #address: RedisAddress;
  readonly #informants: Informants;

  /** @param tls undefined without TLS */
  constructor(address: RedisAddress, tls: TlsSettings | undefined) {
    const { user, password, sentinel } = address;
    this.#address = address;
    const own =
      sentinel && (sentinel.user !== '' || sentinel.password !== '') ? sentinel : { user, password };
    this.#informants = new Informants({
      named: address.nodes ?? [address],
      tls,
      family: address.family,
      credentials: own.user === '' && own.password === '' ? undefined : own,
    });
  }

  /**
   * @param slots of a Cluster
   * @throws {CgroupError} REDIS_UNREACHABLE or REDIS_REFUSED if the servers are not what the URL says; another error if none of
   *   them answers
   */
  find(slots: ReadonlySet<number>): Promise<MastersBySlot> {
    const { sentinel } = this.#address;
    return sentinel ? this.#askSentinels(sentinel.master) : this.#askNodes(slots);
  }

  /** Closes all connections. It may be asked again later. */
  close(): void {
    this.#informants.close();
  }

  async #askSentinels(name: string): Promise<MastersBySlot> {
    const answers = await this.#informants.ask(async (redis) => {
      const [address, facts, others] = await Promise.all([
        redis.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name),
        redis.call('SENTINEL', 'MASTER', name).catch(ifRefused),
        redis.call('SENTINEL', 'SENTINELS', name).catch(ifRefused),
      ]);
      return { master: masterIn(address, facts), sentinels: sentinelsIn(others) };
    });
    this.#informants.learn(answers.flatMap(({ sentinels }) => sentinels));
    const masters = newestOf(answers.map(({ master }) => master));
    if (masters.length > 0) return new Map([[0, masters]]);
    throw new CgroupError(
      'REDIS_UNREACHABLE',
      `the master ${name} of the Sentinels at ${(this.#address.nodes ?? []).map(hostAndPort).join(', ')} is not known to them: is the name after # right? redis-cli -p 26379 SENTINEL MASTERS lists those they watch`,
    );
  }

  async #askNodes(slots: ReadonlySet<number>): Promise<MastersBySlot> {
    const maps = await this.#informants.ask(async (redis, at) => {
      const [ranges, nodes] = await Promise.all([
        redis.call('CLUSTER', 'SLOTS').catch((error: unknown) => notCluster(error, at)),
        redis.call('CLUSTER', 'NODES').catch(ifRefused),
      ]);
      return readCluster(ranges, String(nodes ?? ''), at, slots);
    });
    this.#informants.learn(maps.flatMap(({ nodes }) => nodes));
    const masters = new Map<number, readonly SeenMaster[]>();
    for (const slot of slots) masters.set(slot, newestOf(maps.map((map) => map.masters.get(slot))));
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

/** Without the right to ask, or the command, nothing is known. */
function ifRefused(error: unknown): undefined {
  if (isReply(error) && !error.message.startsWith('NOAUTH')) return undefined;
  throw error;
}
