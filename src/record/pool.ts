import { type ClientBase, Pool, type PoolClient } from 'pg';
import { pause } from '../core/service.js';
import type { Logger } from '../log/logger.js';
import { kindOfFailure } from './failure.js';

/** Two batches of results and one of dead letters may be under way at a time. */
const CONNECTIONS = 3;
/** ms that a connection may take to be made. */
const CONNECT_TIMEOUT = 5_000;
/** ms that a statement may take on the server. */
const STATEMENT_TIMEOUT = 10_000;
/** ms after which we do not wait for the server any longer: it is stopped, or cannot be reached. */
const REPLY_TIMEOUT = 12_000;
/** ms after which the server ends a transaction of a process that is stopped: its rows would block those of others. */
const TRANSACTION_TIMEOUT = 5_000;
/** ms in which idle connections have to end. */
const END_TIMEOUT = 1_000;

/** Some connections to PostgreSQL, made when they are needed. None is used again after it failed. */
export class PostgresPool {
  readonly #pool: Pool;
  readonly #used = new Set<PoolClient>();

  /** @param url parameters of it, such as sslmode, are for the driver */
  constructor(url: string, log: Logger) {
    this.#pool = new Pool({
      application_name: 'cgroup',
      max: CONNECTIONS,
      connectionTimeoutMillis: CONNECT_TIMEOUT,
      statement_timeout: STATEMENT_TIMEOUT,
      query_timeout: REPLY_TIMEOUT,
      idle_in_transaction_session_timeout: TRANSACTION_TIMEOUT,
      keepAlive: true,
      // Its parameters beat those above.
      connectionString: withFullVerification(url),
    });
    // Without listeners, a connection that ends would end this process.
    this.#pool.on('error', (error) => log.debug({ error }, 'an idle connection to the record ended'));
    this.#pool.on('connect', (client) => client.on('error', () => {}));
  }

  /** Calls `work` with a connection. After an error the connection is closed, unless only a row was to blame. */
  async use<T>(work: (client: ClientBase) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    this.#used.add(client);
    let broken = true;
    try {
      const value = await work(client);
      broken = false;
      return value;
    } catch (error) {
      const kind = kindOfFailure(error);
      broken = kind !== 'row' && kind !== 'again';
      throw error;
    } finally {
      this.#used.delete(client);
      client.release(broken);
      // A server that does not answer does not confirm the end of a connection either.
      if (broken) cut(client);
    }
  }

  /** The same within a transaction. */
  transaction<T>(work: (client: ClientBase) => Promise<T>): Promise<T> {
    return this.use(async (client) => {
      await client.query('BEGIN');
      try {
        const value = await work(client);
        await client.query('COMMIT');
        return value;
      } catch (error) {
        const kind = kindOfFailure(error);
        // Else the connection is closed, which ends the transaction too.
        if (kind === 'row' || kind === 'again') await client.query('ROLLBACK');
        throw error;
      }
    });
  }

  /** Closes all connections, used ones too. */
  async stop(): Promise<void> {
    if (this.#pool.ending) return;
    for (const client of this.#used) cut(client);
    await Promise.race([this.#pool.end(), pause(END_TIMEOUT)]);
  }
}

function cut(client: PoolClient): void {
  const { connection } = client as { connection?: { stream: { destroy(): void } } };
  connection?.stream.destroy();
}

/** The driver takes these modes for verify-full, and warns on stderr that a later version will not. */
function withFullVerification(url: string): string {
  if (/[?&]uselibpqcompat=true/.test(url)) return url;
  return url.replace(/([?&]sslmode=)(prefer|require|verify-ca)(?=&|$)/, '$1verify-full');
}
