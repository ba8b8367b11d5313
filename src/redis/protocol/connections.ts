import { CgroupError } from '../../core/errors.js';
import type { Logger } from '../../log/logger.js';
import { Connection } from './connection.js';
import { type PlaceOptions, RedisPlace } from './place.js';

/** Connections to the Redis of a group: opened one by one, closed one by one or together. */
export class Connections {
  readonly #where: () => PlaceOptions;
  /** Where Redis is, once a connection was made. */
  #place: RedisPlace | undefined;
  readonly #log: Logger;
  readonly #onMade: (role: string, connection: Connection) => void;
  readonly #opened = new Set<Connection>();
  #closed = false;

  /**
   * @param where where Redis is: for an embedded one this is known only once it has started
   * @param onMade called with each connection before it connects
   */
  constructor(
    where: () => PlaceOptions,
    log: Logger,
    onMade: (role: string, connection: Connection) => void = () => {},
  ) {
    this.#where = where;
    this.#log = log;
    this.#onMade = onMade;
  }

  /** Whether Redis has been found to be a Cluster. */
  get isCluster(): boolean {
    return this.#place?.isCluster ?? false;
  }

  /**
   * Connects.
   *
   * @param key on a Cluster, to the node of this key; without one, to the node of the output
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
  make(role: string, key?: string): Connection {
    this.#place ??= new RedisPlace(this.#where(), this.#log);
    const connection = new Connection(this.#place, role, this.#log, key);
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
