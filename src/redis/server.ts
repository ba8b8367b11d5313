import { CgroupError } from '../errors.js';
import type { Connection } from './connection.js';

/** What we look at of a server, before we trust it with messages. */
export interface ServerFacts {
  /** `Redis 7.0.15`, `Valkey 8.0.1` */
  readonly version: string;
  /** '' where Redis does not say (managed services often forbid CONFIG). */
  readonly maxmemoryPolicy: string;
  /** Bytes that a subscriber may lag behind before Redis cuts it off; 0 for no limit, undefined where unknown. */
  readonly pubsubHardLimit: number | undefined;
}

/**
 * Reads the facts, and refuses a server that cannot do the work (XAUTOCLAIM came with Redis 6.2:
 * https://redis.io/docs/latest/commands/xautoclaim/).
 *
 * @throws {CgroupError} REDIS_VERSION
 */
export async function inspectServer(connection: Connection): Promise<ServerFacts> {
  const info = String(await connection.call('INFO', 'server'));
  const valkey = /^valkey_version:(\S+)/m.exec(info)?.[1];
  const redis = /^redis_version:(\S+)/m.exec(info)?.[1] ?? '0';
  const version = valkey ? `Valkey ${valkey}` : `Redis ${redis}`;
  const [major = 0, minor = 0] = redis.split('.').map(Number);
  if (major < 6 || (major === 6 && minor < 2))
    throw new CgroupError(
      'REDIS_VERSION',
      `${version} is too old: cgroup needs Redis 6.2 or newer, or Valkey`,
    );
  if (/^cluster_enabled:1/m.exec(String(await connection.call('INFO', 'cluster'))))
    throw new CgroupError(
      'REDIS_VERSION',
      `${version} is a node of a Cluster, which cgroup does not support yet: use a single Redis, with or without replicas`,
    );
  const limits = (await configOf(connection, 'client-output-buffer-limit')) ?? '';
  const hard = /pubsub (\d+)/.exec(limits)?.[1];
  return {
    version,
    maxmemoryPolicy: (await configOf(connection, 'maxmemory-policy')) ?? '',
    pubsubHardLimit: hard === undefined ? undefined : Number(hard),
  };
}

async function configOf(connection: Connection, name: string): Promise<string | undefined> {
  try {
    return ((await connection.call('CONFIG', 'GET', name)) as string[])[1];
  } catch (error) {
    if (error instanceof CgroupError && error.code !== 'OUTCOME_UNKNOWN') return undefined;
    throw error;
  }
}
