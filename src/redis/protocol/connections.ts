import { CgroupError } from '../../core/errors.js';
import type { Logger } from '../../log/logger.js';
import { Connection } from './connection.js';
import { type PlaceOptions, RedisPlace } from './place.js';

/** ms after which the log says what a command waits for. */
const SAY_AFTER = 300;

export interface ConnectionsOptions {
  /** Called with each connection before it connects. */
  readonly onMade?: (role: string, connection: Connection) => void;
  /** A user waits for one answer: the log says what for, and a refused connection is not tried again. */
  readonly oneShot?: boolean;
}

/** Connections to the Redis of a group: opened one by one, closed one by one or together. */
export class Connections {
  readonly #where: () => PlaceOptions;
  /** Where Redis is, once a connection was made. */
  #place: RedisPlace | undefined;
  readonly #log: Logger;
  readonly #options: ConnectionsOptions;
  readonly #opened = new Set<Connection>();
  #closed = false;
  #saidWaiting = false;

  /**
   * @param where where Redis is: for an embedded one this is known only once it has started
   */
  constructor(where: () => PlaceOptions, log: Logger, options: ConnectionsOptions = {}) {
    this.#where = where;
    this.#log = log;
    this.#options = options;
  }

  /** Whether Redis has been found to be a Cluster. */
  get isCluster(): boolean {
    return this.#place?.isCluster ?? false;
  }

  /**
   * Connects.
   *
   * @param key on a Cluster, to the node of this key; without one, to the node of the output
   * @throws {CgroupError} REDIS_UNREACHABLE (after 5 s; for one shot at once if the connection is refused), REDIS_AUTH, or STATE if all were closed meanwhile
   */
  open(role: string, key?: string): Promise<Connection> {
    return this.#open(role, key, false);
  }

  /**
   * As {@link open}, but where the server is away, the connection that it resolves to is not ready, and goes on trying.
   *
   * @throws {CgroupError} REDIS_AUTH, or STATE if all were closed meanwhile
   */
  openAwayToo(role: string, key?: string): Promise<Connection> {
    return this.#open(role, key, true);
  }

  async #open(role: string, key: string | undefined, goesOn: boolean): Promise<Connection> {
    if (this.#closed)
      throw new CgroupError('STATE', 'the connections were closed before this one was opened');
    const connection = this.make(role, key);
    this.#opened.add(connection);
    const { oneShot = false } = this.#options;
    const saying = oneShot ? setTimeout(() => this.#sayWaiting(connection.place), SAY_AFTER) : undefined;
    try {
      await connection.connect({ failsIfRefused: oneShot, goesOn });
    } catch (error) {
      this.release(connection);
      throw error;
    } finally {
      clearTimeout(saying);
    }
    return connection;
  }

  /** A connection that is not connected yet. The caller closes it. */
  make(role: string, key?: string): Connection {
    this.#place ??= new RedisPlace(this.#where(), this.#log);
    const connection = new Connection(this.#place, role, this.#log, key);
    this.#options.onMade?.(role, connection);
    return connection;
  }

  #sayWaiting({ name }: RedisPlace): void {
    if (!this.#saidWaiting) this.#log.info({}, `waiting for ${name} …`);
    this.#saidWaiting = true;
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
