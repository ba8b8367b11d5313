import type { NodeHost, NodeTls, RedisNode } from './redis-node.js';
import { Servers } from './servers.js';

export interface ClusterOptions {
  /** Masters, which share all slots; 3 by default. Replicas of each; 1 by default. */
  masters?: number;
  replicas?: number;
  /** ms after which a node that does not answer is taken for dead; 1,000 by default. */
  nodeTimeout?: number;
  password?: string;
  tls?: NodeTls;
  /** Where they run, in turn. This machine by default. */
  hosts?: NodeHost[];
  /** More arguments of each server. They come last, so they override ours. */
  args?: string[];
}

export interface MoveSlotOptions {
  /**
   * Called three times while the slot moves: before the first key is moved, when half of them are, and when all are, but
   * the slot is still that of the source. Meanwhile the source answers ASK for keys that it does not have.
   */
  hold?: (stage: 'begun' | 'half' | 'moved') => Promise<void>;
}

/** A Cluster of real processes. */
export class Cluster extends Servers {
  /** Resolves when it is ready: all nodes say so, and the replicas are in step. */
  static start(options?: ClusterOptions): Promise<Cluster>;
  /** Of all nodes, dead ones too; with the password. The masters of the start come first. */
  readonly urls: string[];
  /** The masters that have slots now, as they say themselves. Dead and stopped ones are not asked. */
  masters(): Promise<RedisNode[]>;
  /** The running replicas, of one master or of all. */
  replicas(master?: RedisNode): Promise<RedisNode[]>;
  /** The running master of a key's slot. Waits until there is one. */
  nodeOf(key: string): Promise<RedisNode>;
  slotOf(key: string): Promise<number>;
  /** CLUSTER FAILOVER: makes a replica the master. Resolves when all running nodes know. FORCE does not ask the old master. */
  failover(replica: RedisNode, how?: 'FORCE' | 'TAKEOVER'): Promise<void>;
  /** Moves a slot with its keys to another master. Resolves when all running nodes know. */
  moveSlot(slot: number, to: RedisNode, options?: MoveSlotOptions): Promise<void>;
  /** Waits until all running nodes have one view of the Cluster, and the state `ok`. */
  settled(): Promise<void>;
}
