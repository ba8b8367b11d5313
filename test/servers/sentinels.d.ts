import type { NodeHost, NodeTls, RedisNode } from './redis-node.js';
import { Servers } from './servers.js';

export interface SentinelsOptions {
  /** 2 by default. */
  replicas?: number;
  /** 3 by default. Most of them must agree. */
  sentinels?: number;
  /** Of the master and its replicas. */
  password?: string;
  /** Of the Sentinels. */
  sentinelPassword?: string;
  /** ms after which a server that does not answer is taken for dead; 1,000 by default. */
  downAfter?: number;
  /** ms; 5,000 by default. The Sentinels try again after twice this time if a fail-over failed. */
  failoverTimeout?: number;
  /** Of all of them: then none has a port without TLS. */
  tls?: NodeTls;
  /** Where they run: a server and a Sentinel on each in turn. This machine by default. */
  hosts?: NodeHost[];
  /** More arguments of the master and its replicas. They come last, so they override ours. */
  args?: string[];
}

/** A master with replicas and Sentinels, real processes. The Sentinels call the master `mymaster`. */
export class Sentinels extends Servers {
  /** Resolves when the replicas are in step and the Sentinels know all servers and each other. */
  static start(options?: SentinelsOptions): Promise<Sentinels>;
  /** `redis-sentinel://host:port,…/0#mymaster`, with the Sentinels' password. That of the master is not in it. */
  readonly url: string;
  readonly sentinels: readonly RedisNode[];
  /** Master and replicas; the master of the start comes first. */
  readonly servers: readonly RedisNode[];
  /** The server that most of the running Sentinels name now. It may be dead. */
  master(): Promise<RedisNode>;
  /** All running servers but the master. */
  replicas(): Promise<RedisNode[]>;
  /** Waits until the Sentinels name another server than this one, and it is a master. */
  masterOtherThan(old: RedisNode): Promise<RedisNode>;
  /** SENTINEL FAILOVER. Resolves with the new master. */
  failover(): Promise<RedisNode>;
  killSentinel(i: number): Promise<void>;
  /** Waits until all running Sentinels see the master in order, all running replicas, and each other. */
  settled(): Promise<void>;
}
