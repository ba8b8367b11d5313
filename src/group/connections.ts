import { CgroupError } from '../core/errors.js';
import type { Logger } from '../log/logger.js';
import type { ProcessStats } from '../observe/process-stats.js';
import { Connection } from '../redis/protocol/connection.js';

/** ms to wait for Redis at start-up. */
const CONNECT_TIMEOUT = 5_000;

/** The connections of a group: opened while it starts, closed together when it stops. */
export class GroupConnections {
  readonly #url: () => string;
  readonly #log: Logger;
  readonly #stats: ProcessStats | undefined;
  readonly #opened: Connection[] = [];
  #closed = false;

  /** @param url where Redis is: of a private one it is known only after its start */
  constructor(url: () => string, log: Logger, stats: ProcessStats | undefined) {
    this.#url = url;
    this.#log = log;
    this.#stats = stats;
  }

  /**
   * Connects.
   *
   * @throws {CgroupError} REDIS_UNREACHABLE (after 5 s), REDIS_AUTH, or STATE if all were closed meanwhile
   */
  async open(role: string): Promise<Connection> {
    if (this.#closed) throw new CgroupError('STATE', 'the group was stopped while it started');
    const connection = this.make(role);
    this.#opened.push(connection);
    await connection.connect(CONNECT_TIMEOUT);
    return connection;
  }

  /** A connection that is not connected yet. The caller closes it. */
  make(role: string): Connection {
    const connection = new Connection(this.#url(), role, this.#log);
    this.#stats?.watch(role, connection);
    return connection;
  }

  /** Closes all that were opened, and refuses to open others. May be called twice. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#opened) connection.close();
  }
}
