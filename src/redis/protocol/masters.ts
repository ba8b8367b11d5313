import { CgroupError } from '../../core/errors.js';
import {
  type HostPort,
  hostAndPort,
  type RedisAddress,
  type SentinelAddress,
} from '../../core/redis-address.js';
import { readCluster } from './cluster-map.js';
import { isReply } from './failure.js';
import { Informants, majorityOf } from './informants.js';
import { newestOf, type SeenMaster } from './seen-master.js';
import { masterIn, quorumIn, sentinelsIn } from './sentinel-replies.js';
import type { TlsSettings } from './tls.js';

/** The names of each master, by slot. Sentinels know one master for all: it has the slot 0. */
export type MastersBySlot = ReadonlyMap<number, readonly HostPort[]>;

/** The Sentinels that are known. */
export interface SentinelsSeen {
  readonly all: number;
  readonly answering: number;
  /** How many a fail-over needs: their quorum, and most of them. */
  readonly needed: number;
}

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
    return sentinel ? this.#askSentinels(sentinel) : this.#askNodes(slots);
  }

  /** Asks all Sentinels that are known for themselves; undefined without Sentinels. */
  async sentinels(): Promise<SentinelsSeen | undefined> {
    const { sentinel } = this.#address;
    if (!sentinel) return undefined;
    const { answers, failures } = await this.#informants.survey((redis) =>
      redis.call('SENTINEL', 'MASTER', sentinel.master).catch(ifRefused),
    );
    const quorums = answers.flatMap((facts) => quorumIn(facts) ?? []);
    const all = answers.length + failures.length;
    return { all, answering: answers.length, needed: Math.max(majorityOf(all), ...quorums) };
  }

  /** Closes all connections. It may be asked again later. */
  close(): void {
    this.#informants.close();
  }

  async #askSentinels({ master: name, user, password }: SentinelAddress): Promise<MastersBySlot> {
    const ask = this.#informants.ask(async (redis) => {
      const [address, facts, others] = await Promise.all([
        redis.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name),
        redis.call('SENTINEL', 'MASTER', name).catch(ifRefused),
        redis.call('SENTINEL', 'SENTINELS', name).catch(ifRefused),
      ]);
      return { master: masterIn(address, facts), sentinels: sentinelsIn(others) };
    });
    const [first] = this.#address.nodes ?? [];
    const servers = (this.#address.nodes ?? []).map(hostAndPort).join(', ');
    const answers = await ask.catch((error: unknown) => {
      throw lockedOut(error, `the Sentinels at ${servers}`, user !== '' || password !== '');
    });
    this.#informants.learn(answers.flatMap(({ sentinels }) => sentinels));
    const masters = newestOf(answers.map(({ master }) => master));
    if (masters.length > 0) return new Map([[0, masters]]);
    throw new CgroupError(
      'REDIS_UNREACHABLE',
      `the master ${name} of the Sentinels at ${servers} is not known to them: is the name after # right? ` +
        `redis-cli -h ${first?.host} -p ${first?.port} SENTINEL MASTERS lists those they watch`,
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

/**
 * The error for Sentinels that refuse the user; any other one as it is.
 *
 * @param hasOwn whether the URL has a user or a password for Sentinels
 */
function lockedOut(error: unknown, sentinels: string, hasOwn: boolean): unknown {
  if (!isReply(error)) return error;
  const { message } = error;
  const options = { cause: error };
  if (message.startsWith('NOPERM'))
    return new CgroupError(
      'REDIS_AUTH',
      `${sentinels} do not let this user ask for the master (${message}): give it +sentinel|get-master-addr-by-name`,
      options,
    );
  if (!/^(NOAUTH|WRONGPASS)/.test(message)) return error;
  const refuse = message.startsWith('NOAUTH') ? 'ask for a password' : 'do not accept the user and password';
  const mend = hasOwn
    ? 'correct sentinelUser and sentinelPassword in the URL'
    : 'add ?sentinelPassword=PASSWORD before the # of the URL, and sentinelUser=USER if there is one';
  return new CgroupError('REDIS_AUTH', `${sentinels} ${refuse}: ${mend}`, options);
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
