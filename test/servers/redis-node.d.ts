/** TLS of a server; all are paths of PEM files. Then the server has no port without TLS. */
export interface NodeTls {
  /** Who signed the certificates that it accepts. */
  ca: string;
  cert: string;
  key: string;
  /** Whether clients must show a certificate; `no` by default. */
  authClients?: 'yes' | 'no' | 'optional';
}

/** A host, or a network namespace: its address, and the command that runs a command there. */
export interface NodeHost {
  readonly address: string;
  on(command: string[]): string[];
}

/** One private server: alone, a replica, a node of a Cluster or a Sentinel. Keeps nothing on disk, unless its arguments say so. */
export class RedisNode {
  private constructor();
  /** 0 before it has started; then always the same. */
  readonly port: number;
  /** With its password. */
  readonly url: string;
  /** host:port */
  readonly address: string;
  readonly host: NodeHost;
  /** Another one after `restart`. */
  readonly pid: number | undefined;
  /** Whether its process is there, not frozen, and not away. */
  readonly isRunning: boolean;
  readonly isFrozen: boolean;
  /** Set while a split keeps it from this machine: then it is not asked. */
  isAway: boolean;
  /** Starts it on a free port, and waits until it answers. */
  start(): Promise<void>;
  /** Starts it again, on the same port. */
  restart(): Promise<void>;
  /** SIGKILL, frozen or not. Resolves when the process has ended. */
  kill(): Promise<void>;
  /** SIGSTOP: connections stay open, and nothing answers. */
  freeze(): void;
  /** SIGCONT */
  thaw(): void;
  /** What it has logged since it was started. */
  log(): string;
  /** Runs one command on a connection of its own. Fails if there is no answer within 5 s. */
  // biome-ignore lint/suspicious/noExplicitAny: the reply depends on the command, as in ioredis.
  call(command: string, ...args: (string | number)[]): Promise<any>;
}
