import { Client, type QueryResultRow } from 'pg';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { findPostgres } from '../../config/postgres-programs.mjs';
import { PostgresServer } from '../record/postgres-server.js';

/** Whether there is no PostgreSQL on this machine: its tests are skipped then. */
export const lacksPostgres = findPostgres() === undefined;

/** A PostgreSQL for tests: they start, stop and freeze it. */
export interface TestPostgres {
  readonly url: string;
  /** The URL for a user, who needs no password. */
  urlOf(user: string): string;
  start(): Promise<void>;
  /** `immediate` is a crash: the server has to recover when it starts again. */
  stop(mode?: 'fast' | 'immediate'): Promise<void>;
  restart(mode?: 'fast' | 'immediate'): Promise<void>;
  /** Stops all its processes: connections stay open, and nothing answers until {@link thaw}. */
  freeze(): void;
  thaw(): void;
  /** Runs SQL as the owner of the database, on a connection of its own. */
  sql<Row extends QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>;
  /** What the server has logged. */
  log(): string;
}

/** One PostgreSQL for all tests of a file. Call it at the top of the file. */
export function withPostgres(settings: Record<string, string> = {}): TestPostgres {
  let server: PostgresServer | undefined;
  beforeAll(async () => {
    if (!lacksPostgres) server = await PostgresServer.start(settings);
  });
  afterAll(() => server?.remove());
  return testPostgresOn(() => {
    if (!server) throw new Error('the PostgreSQL of withPostgres() is available from beforeAll to afterAll');
    return server;
  });
}

/** A PostgreSQL for a single test. It is removed when the test has ended. */
export async function freshPostgres(settings: Record<string, string> = {}): Promise<TestPostgres> {
  const server = await PostgresServer.start(settings);
  onTestFinished(() => server.remove());
  return testPostgresOn(() => server);
}

function testPostgresOn(server: () => PostgresServer): TestPostgres {
  return {
    get url() {
      return server().url;
    },
    urlOf: (user) => server().urlOf(user),
    start: () => server().start(),
    stop: (mode) => server().stop(mode),
    restart: (mode) => server().restart(mode),
    freeze: () => server().freeze(),
    thaw: () => server().thaw(),
    log: () => server().log(),
    sql: async <Row extends QueryResultRow>(text: string, values?: unknown[]) => {
      const client = new Client(server().url);
      client.on('error', () => {}); // the test may stop the server
      await client.connect();
      try {
        return (await client.query<Row>(text, values)).rows;
      } finally {
        await client.end();
      }
    },
  };
}
