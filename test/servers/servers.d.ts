import type { NodeHost, NodeTls, RedisNode } from './redis-node.js';

export interface NodeOptions {
  /** Names the server in errors, and its folder. */
  name: string;
  /** More arguments of the server. They come last, so they override ours. */
  args?: string[];
  /** The lines of the file that makes it a Sentinel. */
  sentinel?: string[];
  password?: string;
  tls?: NodeTls;
  /** Where it runs; this machine by default. */
  host?: NodeHost;
}

/** Servers that begin and end together. They end with this process at the latest, even if it is killed. */
export class Servers {
  readonly nodes: readonly RedisNode[];
  /** Starts servers side by side, on free ports, and waits until they answer. */
  launch(...options: NodeOptions[]): Promise<RedisNode[]>;
  /** SIGKILL. Resolves when the process has ended. */
  kill(node: RedisNode): Promise<void>;
  /** SIGSTOP: its connections stay open, and nothing answers. */
  stop(node: RedisNode): void;
  /** SIGCONT */
  continue(node: RedisNode): void;
  /** Starts a killed server again, on the same port. It has lost its data, unless its arguments say otherwise. */
  restart(node: RedisNode): Promise<void>;
  /** Kills all of them, frozen or not, and removes their files. Idempotent. */
  close(): Promise<void>;
}
