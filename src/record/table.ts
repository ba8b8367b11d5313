/** A column of the table as PostgreSQL describes it. */
export interface ColumnFacts {
  readonly name: string;
  /** As `format_type` writes it. */
  readonly type: string;
  /** Whether a row needs a value for it: NOT NULL, without a default. */
  readonly needed: boolean;
}

/** What there is under the name of the table. */
export interface TableFacts {
  /** As in pg_class: `r` is a table, `p` a partitioned one. */
  readonly kind: string;
  readonly columns: readonly ColumnFacts[];
  /** Whether a unique index on inbox_id alone makes a second row of a message impossible. */
  readonly isUnique: boolean;
  readonly mayInsert: boolean;
  readonly maySelect: boolean;
  readonly user: string;
}

interface ColumnDefinition {
  readonly name: string;
  /** In the table that we make. */
  readonly type: string;
  /** Types that do as well. */
  readonly fits: RegExp;
}

const TEXT = /^(text|character varying(\(\d+\))?)$/;
const TIME = /^timestamp(\(\d\))? with time zone$/;

/** In the order of the parameters of an insert. */
export const COLUMNS: readonly ColumnDefinition[] = [
  { name: 'inbox_id', type: 'text', fits: TEXT },
  { name: 'message_id', type: 'text', fits: TEXT },
  { name: 'consumer_id', type: 'text', fits: TEXT },
  { name: 'data', type: 'jsonb', fits: /^jsonb$/ },
  { name: 'attempts', type: 'integer', fits: /^(integer|bigint)$/ },
  { name: 'published_at', type: 'timestamptz', fits: TIME },
  { name: 'started_at', type: 'timestamptz', fits: TIME },
  { name: 'finished_at', type: 'timestamptz', fits: TIME },
];

/** A name of a table, with its schema if it has one, for use in SQL: upper case stays. */
export function quotedName(table: string): string {
  return table
    .split('.')
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join('.');
}

/** The statement that makes the table. */
export function createTable(table: string): string {
  const columns = COLUMNS.map(
    ({ name, type }) => `${name} ${type} ${name === 'inbox_id' ? 'PRIMARY KEY' : 'NOT NULL'}`,
  );
  return `CREATE TABLE IF NOT EXISTS ${quotedName(table)} (${columns.join(', ')})`;
}

/** Gets {@link TableFacts} of a table, as one row; no row if there is none. `$1` is its quoted name. */
export const DESCRIBE = `
SELECT c.relkind AS kind, current_user AS "user",
  has_table_privilege(c.oid, 'INSERT') AS "mayInsert", has_table_privilege(c.oid, 'SELECT') AS "maySelect",
  EXISTS (
    SELECT FROM pg_index i JOIN pg_attribute k ON k.attrelid = c.oid AND k.attnum = i.indkey[0]
    WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL
      AND i.indnkeyatts = 1 AND k.attname = 'inbox_id'
  ) AS "isUnique",
  (
    SELECT coalesce(json_agg(json_build_object(
      'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
      'needed', a.attnotnull AND NOT a.atthasdef AND a.attidentity = '')), '[]')
    FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  ) AS columns
FROM pg_class c WHERE c.oid = to_regclass($1)`;

/** What is wrong with the table, in words; empty if rows can be written to it. */
export function differencesOf({ kind, columns, isUnique }: TableFacts): string[] {
  if (kind !== 'r' && kind !== 'p') return ['it is no table'];
  const differences: string[] = [];
  for (const { name, type, fits } of COLUMNS) {
    const column = columns.find((one) => one.name === name);
    if (!column) differences.push(`the column ${name} (${type}) is missing`);
    else if (!fits.test(column.type)) differences.push(`the column ${name} is ${column.type}, not ${type}`);
  }
  for (const { name, needed } of columns)
    if (needed && !COLUMNS.some((one) => one.name === name))
      differences.push(`the column ${name} is NOT NULL and has no default`);
  if (!isUnique && columns.some(({ name }) => name === 'inbox_id'))
    differences.push('inbox_id is no primary key');
  return differences;
}

/** The statement that gives the missing rights; undefined if none is missing. */
export function grantOf(
  { mayInsert, maySelect, user }: Pick<TableFacts, 'mayInsert' | 'maySelect' | 'user'>,
  table: string,
): string | undefined {
  const missing = [...(maySelect ? [] : ['SELECT']), ...(mayInsert ? [] : ['INSERT'])];
  if (missing.length === 0) return undefined;
  return `GRANT ${missing.join(', ')} ON ${quotedName(table)} TO ${quotedName(user)}`;
}
