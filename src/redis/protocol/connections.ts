import { CgroupError } from '../../core/errors.js';
import type { Logger } from '../../log/logger.js';
import { Connection } from './connection.js';

/** Connections to one Redis: opened one by one, closed one by one or together. */
export class Connections {
  readonly #url: () => string;
  readonly #log: Logger;
  readonly #onMade: (role: string, connection: Connection) => void;
  readonly #opened = new Set<Connection>();
  #closed = false;

  /**
   * @param url where Redis is: for an embedded one this is known only once it has started
   * @param onMade called with each connection before it connects
   */
  constructor(
    url: () => string,
    log: Logger,
    onMade: (role: string, connection: Connection) => void = () => {},
  ) {
    this.#url = url;
    this.#log = log;
    this.#onMade = onMade;
  }

  /**
   * Connects.
   *
   * @throws {CgroupError} REDIS_UNREACHABLE (after 5 s), REDIS_AUTH, or STATE if all were closed meanwhile
   */
  async open(role: string, key?: string): Promise<Connection> {
    if (this.#closed)
      throw new CgroupError('STATE', 'the connections were closed before this one was opened');
    const connection = this.make(role, key);
    this.#opened.add(connection);
    try {
      await connection.connect();
    } catch (error) {
      this.release(connection);
      throw error;
    }
    return connection;
  }

  /** A connection that is not connected yet. The caller closes it. */
  make(role: string, _key?: string): Connection {
    const connection = new Connection(this.#url(), role, this.#log);
    this.#onMade(role, connection);
    return connection;
  }

  /** Closes one of them. */
  release(connection: Connection): void {
    this.#opened.delete(connection);
    connection.close();
  }

  /** Closes all that were opened, and refuses to open others. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#opened) connection.close();
  }
}
