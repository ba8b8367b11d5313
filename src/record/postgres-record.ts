import { performance } from 'node:perf_hooks';
import type { ClientBase } from 'pg';
import { CgroupError, cutError } from '../core/errors.js';
import type { RecordedResult, Recorder, RecordRow, RefusedRow, Written } from '../core/record.js';
import type { Logger } from '../log/logger.js';
import { isTimeout, kindOfFailure, recordError, serverErrorIn, wordsOf } from './failure.js';
import { PostgresPool } from './pool.js';
import { checkRecordSql, readRecordSql } from './record-sql.js';
import { insertValues, rowsAsJson, type Statements, statementsFor } from './statements.js';
import { createTable, DESCRIBE, differencesOf, grantOf, quotedName, type TableFacts } from './table.js';

/** Rows of one transaction, at most. */
const MOST_ROWS = 1_000;
/** Characters of their data, about. */
const MAX_LENGTH = 1_000_000;
/** Tries of a transaction that collides with others, before it counts as a failure. */
const COLLISIONS = 5;

export interface PostgresRecordOptions {
  readonly url: string;
  readonly table: string;
  /** The path of the user's own statement. */
  readonly sql: string | undefined;
  readonly log: Logger;
  /** Called after each write: rows in the record, refused ones, ms that it took. */
  readonly onWritten?: ((rows: number, refused: number, ms: number) => void) | undefined;
}

/**
 * Keeps results in a table of PostgreSQL, one transaction for each batch. The inbox id is the primary key, so a batch that is
 * written again changes nothing, and the user's own statement gets each row once.
 */
export class PostgresRecord implements Recorder {
  readonly #options: PostgresRecordOptions;
  readonly #pool: PostgresPool;
  readonly #statements: Statements;
  #sql: string | undefined;
  #most = MOST_ROWS;
  #away = false;

  constructor(options: PostgresRecordOptions) {
    this.#options = options;
    this.#pool = new PostgresPool(options.url, options.log);
    this.#statements = statementsFor(options.table);
  }

  get away(): boolean {
    return this.#away;
  }

  async start(): Promise<void> {
    this.#sql = await this.#check(() => this.#make());
  }

  /**
   * Checks all that {@link start} does, and changes nothing.
   *
   * @returns whether the table is there; if not, the rest is not checked
   */
  async check(): Promise<boolean> {
    let isThere = true;
    await this.#check(async () => {
      isThere = false;
      return undefined;
    });
    return isThere;
  }

  /**
   * Checks the table and the user's statement. Returns this.
   *
   * @param make called if there is no table; returns the one that it made
   */
  async #check(make: () => Promise<TableFacts | undefined>): Promise<string | undefined> {
    const { sql, table } = this.#options;
    const text = sql === undefined ? undefined : await readRecordSql(sql);
    await this.#call(async () => {
      const facts = (await this.#describe()) ?? (await make());
      if (!facts) return;
      checkTable(facts, table);
      if (sql !== undefined && text !== undefined)
        await this.#pool.use((client) => checkRecordSql(client, sql, text));
    });
    return text;
  }

  stop(): Promise<void> {
    return this.#pool.stop();
  }

  /** What there is under the name of the table; undefined if nothing. Refuses a server that only reads. */
  async #describe(): Promise<TableFacts | undefined> {
    return this.#pool.use(async (client) => {
      const { rows: states } = await client.query('SHOW transaction_read_only');
      if (states[0]?.transaction_read_only === 'on')
        throw new CgroupError(
          'RECORD_AWAY',
          'the record is a PostgreSQL that only reads: a standby? Name the primary',
        );
      const { rows } = await client.query<TableFacts>(DESCRIBE, [quotedName(this.#options.table)]);
      return rows[0];
    });
  }

  async #make(): Promise<TableFacts> {
    const { table, log } = this.#options;
    try {
      await this.#pool.transaction(async (client) => {
        // Two processes that start at once would both try, and one would fail.
        await client.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`cgroup ${table}`]);
        await client.query(createTable(table));
      });
    } catch (error) {
      throw recordError(error, adviceOnMaking(error, table));
    }
    const made = await this.#describe();
    if (!made) throw new CgroupError('RECORD_REFUSED', `the table ${table} is gone right after it was made`);
    log.info({ table }, `made the table ${table} for the record`);
    return made;
  }

  async write(rows: readonly RecordRow[], halts = false): Promise<Written> {
    const refused: RefusedRow[] = [];
    const before: RecordedResult[] = [];
    for (let first = 0; first < rows.length; ) {
      const batch = this.#batchFrom(rows, first);
      const began = performance.now();
      const written = await this.#call(() => this.#writeBatch(batch, halts));
      const [refusal] = written.refused;
      const end =
        halts && refusal ? batch.findIndex(({ inboxId }) => inboxId === refusal.inboxId) + 1 : batch.length;
      this.#options.onWritten?.(
        end - written.refused.length,
        written.refused.length,
        performance.now() - began,
      );
      refused.push(...written.refused);
      before.push(...written.before);
      if (halts && refusal) break;
      first += batch.length;
      this.#most = Math.min(2 * this.#most, MOST_ROWS);
    }
    return { refused, before };
  }

  find(inboxIds: readonly string[]): Promise<readonly RecordedResult[]> {
    return this.#call(async () => {
      const { rows } = await this.#pool.use((client) =>
        client.query<RecordedResult>(this.#statements.find, [inboxIds]),
      );
      return rows;
    });
  }

  #batchFrom(rows: readonly RecordRow[], first: number): readonly RecordRow[] {
    let length = 0;
    let end = first;
    while (end < rows.length && end - first < this.#most) {
      length += rows[end]?.data.length ?? 0;
      if (length > MAX_LENGTH && end > first) break;
      end++;
    }
    return rows.slice(first, end);
  }

  /** Errors become ours; a transaction that collided with others is tried again. */
  async #call<T>(work: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        const value = await work();
        this.#away = false;
        return value;
      } catch (error) {
        if (kindOfFailure(error) === 'again' && tries < COLLISIONS) continue;
        if (isTimeout(error)) this.#most = Math.max(1, Math.floor(this.#most / 2));
        this.#away = true;
        throw recordError(error, adviceOnWriting(error, this.#options.table));
      }
    }
  }

  async #writeBatch(rows: readonly RecordRow[], halts: boolean): Promise<Written> {
    try {
      // One statement is a transaction of its own.
      const before =
        this.#sql === undefined
          ? await this.#pool.use((client) => this.#insert(client, rows))
          : await this.#pool.transaction((client) => this.#insert(client, rows));
      return { refused: [], before };
    } catch (error) {
      if (kindOfFailure(error) !== 'row') throw error;
    }
    const [refused, before]: [RefusedRow[], RecordedResult[]] = [[], []];
    await this.#pool.transaction(async (client) => {
      // A constraint that is checked only at the end would not say which row breaks it.
      await client.query('SET CONSTRAINTS ALL IMMEDIATE');
      await this.#insertByHalves(client, rows, halts, refused, before);
    });
    return { refused, before };
  }

  /**
   * Inserts rows, without those that PostgreSQL refuses: it halves what fails until one row is left.
   *
   * @param halts whether to end at the first of them
   */
  async #insertByHalves(
    client: ClientBase,
    rows: readonly RecordRow[],
    halts: boolean,
    refused: RefusedRow[],
    before: RecordedResult[],
  ): Promise<void> {
    await client.query('SAVEPOINT rows');
    try {
      before.push(...(await this.#insert(client, rows)));
      await client.query('RELEASE SAVEPOINT rows');
      return;
    } catch (error) {
      if (kindOfFailure(error) !== 'row') throw error;
      await client.query('ROLLBACK TO SAVEPOINT rows');
      await client.query('RELEASE SAVEPOINT rows');
      const [row] = rows;
      if (row && rows.length === 1) {
        refused.push({ inboxId: row.inboxId, error: cutError(`PostgreSQL refuses it: ${wordsOf(error)}`) });
        return;
      }
    }
    const middle = Math.ceil(rows.length / 2);
    await this.#insertByHalves(client, rows.slice(0, middle), halts, refused, before);
    if (halts && refused.length > 0) return;
    await this.#insertByHalves(client, rows.slice(middle), halts, refused, before);
  }

  /** Inserts the rows that are new, and runs the user's statement with them. Returns what was there before and differs. */
  async #insert(client: ClientBase, rows: readonly RecordRow[]): Promise<RecordedResult[]> {
    const { insert, different } = this.#statements;
    const added = await client.query<{ inboxId: string }>(insert, insertValues(rows));
    const isNew = added.rows.length === rows.length ? undefined : new Set<string>();
    if (isNew) for (const { inboxId } of added.rows) isNew.add(inboxId);
    // `delete` keeps the first row of a message, if it has two in the batch.
    const news = isNew ? rows.filter(({ inboxId }) => isNew.delete(inboxId)) : rows;
    if (this.#sql !== undefined && news.length > 0) await client.query(this.#sql, [rowsAsJson(news)]);
    if (!isNew) return [];
    const given = [rows.map(({ inboxId }) => inboxId), rows.map(({ data }) => data)];
    return (await client.query<RecordedResult>(different, given)).rows;
  }
}

/** @throws {CgroupError} RECORD_REFUSED if rows cannot be written to it, with what is wrong */
function checkTable(facts: TableFacts, table: string): void {
  const differences = differencesOf(facts);
  if (differences.length > 0)
    throw new CgroupError(
      'RECORD_REFUSED',
      `the table ${table} is not that of the record: ${differences.join('; ')}. Name another one with recordTable, or change it; ` +
        `the record's own is: ${createTable(table)}`,
    );
  const grant = grantOf(facts, table);
  if (grant)
    throw new CgroupError('RECORD_REFUSED', `rights are missing; run as the owner of the table: ${grant}`);
}

function adviceOnMaking(error: unknown, table: string): string {
  const code = serverErrorIn(error)?.code;
  const [schema = '', name] = table.split('.');
  if (code === '3F000') return `CREATE SCHEMA ${quotedName(name === undefined ? 'public' : schema)}`;
  if (code !== '42501') return '';
  const where = quotedName(name === undefined ? 'public' : schema);
  return `as an administrator, GRANT CREATE, USAGE ON SCHEMA ${where} to the user, or make the table: ${createTable(table)}`;
}

function adviceOnWriting(error: unknown, table: string): string {
  switch (serverErrorIn(error)?.code) {
    case '42501':
      return `as the owner of the table, GRANT SELECT, INSERT ON ${quotedName(table)} to the user, and what recordSql needs`;
    case '42P01':
      return 'make the table again: a process that starts does so';
    case '28P01':
    case '28000':
      return 'check user and password in the URL of the record';
    default:
      return '';
  }
}
