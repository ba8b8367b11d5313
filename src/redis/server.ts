import { hostAndPort } from '../core/redis-address.js';
import type { Connection } from './protocol/connection.js';
import { ifAllowed } from './protocol/failure.js';
import { factsIn } from './protocol/handshake.js';

/** What a server reports about itself. Undefined if it does not: managed services often forbid CONFIG. */
export interface ServerFacts {
  /** `Redis 7.0.15`, `Valkey 8.0.1` */
  readonly version: string;
  /** The release of Redis, or the one that a Valkey is compatible with: `[7, 0]`. */
  readonly release: readonly [major: number, minor: number];
  /** Whether it is a node of a Cluster. */
  readonly cluster: boolean;
  /** The master of a replica, `host:port`. */
  readonly masterAt: string | undefined;
  /** Replicas that are in step with it. */
  readonly replicas: number;
  readonly maxmemoryPolicy: string | undefined;
  /** Bytes, 0 for no limit. */
  readonly maxmemory: number | undefined;
  /** Bytes. */
  readonly usedMemory: number | undefined;
  /** Bytes, of its machine. */
  readonly systemMemory: number | undefined;
  /** Whether it writes an append-only file. */
  readonly aof: boolean | undefined;
  /** `always`, `everysec` or `no` */
  readonly aofFsync: string | undefined;
  /** When it saves snapshots: `3600 1 300 100`; '' for never. */
  readonly save: string | undefined;
  /** Whether the last write of the append-only file, and the last snapshot, succeeded. */
  readonly savedWell: boolean;
  /** Bytes that a subscriber may lag behind before Redis disconnects it; 0 for no limit. */
  readonly pubsubHardLimit: number | undefined;
  /** Bytes of replies that any other client may lag behind, for a while or at once; 0 for no limit. */
  readonly replyLimit: number | undefined;
  /** Bytes of the longest argument that it takes: no message is larger. */
  readonly longestArgument: number | undefined;
  /** The config file, which `CONFIG REWRITE` writes to; '' for none. */
  readonly configFile: string;
  /** The file that `ACL SAVE` writes users to; '' for none. */
  readonly aclFile: string | undefined;
}

/** What the Redis of a group says of itself while the group is watched. */
export interface ServerMemory {
  /** `redis-1:6379`: no password. */
  readonly address: string;
  /** `Redis 7.0.15`; null if INFO is refused, as all that follows. */
  readonly version: string | null;
  /** Bytes that it uses, and that it may use: `maxmemory`, or what its machine has. */
  readonly usedMemory: number | null;
  readonly memoryLimit: number | null;
  readonly limitIs: 'maxmemory' | 'machine' | null;
}

/** Reads the memory of a server: one INFO. */
export async function readMemory(connection: Connection): Promise<ServerMemory> {
  const facts = factsIn(String((await ifAllowed(() => connection.call('INFO'))) ?? ''));
  const number = (name: string) => (facts.has(name) ? Number(facts.get(name)) : null);
  const [most, machine] = [number('maxmemory'), number('total_system_memory')];
  const limitIs = most ? 'maxmemory' : machine ? 'machine' : null;
  return {
    address: hostAndPort(connection.at ?? connection.place.address),
    version: facts.size === 0 ? null : versionIn(facts),
    usedMemory: number('used_memory'),
    memoryLimit: limitIs === 'maxmemory' ? most : limitIs === null ? null : machine,
    limitIs,
  };
}

function versionIn(facts: ReadonlyMap<string, string>): string {
  const valkey = facts.get('valkey_version');
  return valkey ? `Valkey ${valkey}` : `Redis ${facts.get('redis_version') ?? '0'}`;
}

/** Reads what a server reports about itself. */
export async function readServer(connection: Connection): Promise<ServerFacts> {
  const [info, limits, longest, aofFsync, save, aclFile] = await Promise.all([
    connection.call('INFO'),
    configOf(connection, 'client-output-buffer-limit'),
    configOf(connection, 'proto-max-bulk-len'),
    configOf(connection, 'appendfsync'),
    configOf(connection, 'save'),
    configOf(connection, 'aclfile'),
  ]);
  const facts = factsIn(String(info));
  const number = (name: string) => (facts.has(name) ? Number(facts.get(name)) : undefined);
  const redis = facts.get('redis_version') ?? '0';
  const [major = 0, minor = 0] = redis.split('.').map(Number);
  const normal = /normal (\d+) (\d+)/.exec(limits ?? '')?.slice(1);
  const hard = /pubsub (\d+)/.exec(limits ?? '')?.[1];
  return {
    version: versionIn(facts),
    release: [major, minor],
    cluster: facts.get('cluster_enabled') === '1',
    masterAt:
      facts.get('role') === 'slave' ? `${facts.get('master_host')}:${facts.get('master_port')}` : undefined,
    replicas: [...facts].filter(([name, value]) => /^slave\d+$/.test(name) && value.includes('state=online'))
      .length,
    maxmemoryPolicy: facts.get('maxmemory_policy'),
    maxmemory: number('maxmemory'),
    usedMemory: number('used_memory'),
    systemMemory: number('total_system_memory'),
    aof: facts.has('aof_enabled') ? facts.get('aof_enabled') === '1' : undefined,
    aofFsync,
    save,
    savedWell: ['aof_last_write_status', 'rdb_last_bgsave_status'].every(
      (name) => (facts.get(name) ?? 'ok') === 'ok',
    ),
    pubsubHardLimit: hard === undefined ? undefined : Number(hard),
    replyLimit: smallestOf(normal),
    longestArgument: longest === undefined ? undefined : Number(longest),
    configFile: facts.get('config_file') ?? '',
    aclFile,
  };
}

async function configOf(connection: Connection, name: string): Promise<string | undefined> {
  const found = await ifAllowed(() => connection.call('CONFIG', 'GET', name));
  return (found as string[] | undefined)?.[1];
}

/** The smallest limit, where 0 stands for none. */
function smallestOf(limits: readonly string[] | undefined): number | undefined {
  const given = limits?.map(Number).filter((limit) => limit > 0);
  return given && (given.length === 0 ? 0 : Math.min(...given));
}
