import type { RecordRow } from '../core/record.js';
import { COLUMNS, quotedName } from './table.js';

/** The types of the parameters of an insert: arrays, one value for each row. */
const PARAMETERS = ['text', 'text', 'text', 'text', 'int', 'bigint', 'bigint', 'bigint'] as const;

/** The statements for one table. */
export interface Statements {
  /** Writes the rows of {@link insertValues} that are new, in their order. Returns the inbox ids of the new ones. */
  readonly insert: string;
  /** Returns what the table holds of messages, where the data are not these. `$1`: inbox ids, `$2`: data. */
  readonly different: string;
  /** Returns what the table holds of messages. `$1`: inbox ids. */
  readonly find: string;
}

export function statementsFor(table: string): Statements {
  const name = quotedName(table);
  const columns = COLUMNS.map((column) => column.name);
  const values = COLUMNS.map((column) => {
    if (column.name === 'data') return 'data::jsonb';
    return column.type === 'timestamptz' ? `to_timestamp(${column.name} / 1000.0)` : column.name;
  });
  const parameters = PARAMETERS.map((type, i) => `$${i + 1}::${type}[]`);
  const recorded = `SELECT t.inbox_id AS "inboxId", t.message_id AS "messageId", t.data::text AS data FROM ${name} t`;
  return {
    insert:
      `INSERT INTO ${name} (${columns.join(', ')}) SELECT ${values.join(', ')} ` +
      `FROM unnest(${parameters.join(', ')}) WITH ORDINALITY AS given (${columns.join(', ')}, place) ` +
      'ORDER BY place ON CONFLICT (inbox_id) DO NOTHING RETURNING inbox_id AS "inboxId"',
    different:
      `${recorded} JOIN unnest($1::text[], $2::text[]) AS given (inbox_id, data) ON given.inbox_id = t.inbox_id ` +
      'WHERE t.data IS DISTINCT FROM given.data::jsonb',
    find: `${recorded} WHERE t.inbox_id = ANY ($1::text[])`,
  };
}

/** The parameters of an insert. */
export function insertValues(rows: readonly RecordRow[]): unknown[] {
  const get: ((row: RecordRow) => string | number)[] = [
    ({ inboxId }) => inboxId,
    ({ messageId }) => messageId,
    ({ consumerId }) => consumerId,
    ({ data }) => data,
    ({ attempts }) => attempts,
    ({ publishedAt }) => publishedAt,
    ({ startedAt }) => startedAt,
    ({ finishedAt }) => finishedAt,
  ];
  return get.map((one) => rows.map(one));
}

/** Rows as a JSON array of objects with the names of the columns, for the user's own statement. */
export function rowsAsJson(rows: readonly RecordRow[]): string {
  return `[${rows.map(rowAsJson).join(',')}]`;
}

/** The latest time that Date knows, ms since 1970. PostgreSQL knows some later ones. */
const LATEST = 8.64e15;

function rowAsJson(row: RecordRow): string {
  const { inboxId, messageId, consumerId, data, attempts, publishedAt, startedAt, finishedAt } = row;
  const [published_at, started_at, finished_at] = [publishedAt, startedAt, finishedAt].map((ms) =>
    new Date(Math.min(ms, LATEST)).toISOString(),
  );
  const rest = { inbox_id: inboxId, message_id: messageId, consumer_id: consumerId, attempts };
  const head = JSON.stringify({ ...rest, published_at, started_at, finished_at });
  // The data are JSON already.
  return `${head.slice(0, -1)},"data":${data}}`;
}
