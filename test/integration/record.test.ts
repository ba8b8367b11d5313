import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { RecordRow } from '../../src/core/record.js';
import { silentLogger } from '../../src/log/logger.js';
import { PostgresRecord, type PostgresRecordOptions } from '../../src/record/postgres-record.js';
import { freshPostgres, lacksPostgres, withPostgres } from '../helpers/postgres.js';
import { until } from '../helpers/until.js';

const postgres = withPostgres({ deadlock_timeout: '50ms' });

/** A table that no other test uses. */
let table: string;
let tables = 0;
let folder: string;

beforeEach(() => {
  table = `record_${++tables}`;
  folder = mkdtempSync(join(tmpdir(), 'cgroup-record-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function recordOf(more: Partial<PostgresRecordOptions> = {}): PostgresRecord {
  const record = new PostgresRecord({ url: postgres.url, table, sql: undefined, log: silentLogger, ...more });
  onTestFinished(() => record.stop());
  return record;
}

async function started(more: Partial<PostgresRecordOptions> = {}): Promise<PostgresRecord> {
  const record = recordOf(more);
  await record.start();
  return record;
}

/** The path of a file with a statement. */
function sqlFile(text: string): string {
  const path = join(folder, 'record.sql');
  writeFileSync(path, text);
  return path;
}

function row(number: number, data: string | object = { message_id: `m${number}` }): RecordRow {
  const publishedAt = 1_764_000_000_000 + number;
  return {
    inboxId: `${publishedAt}-0`,
    messageId: `m${number}`,
    consumerId: 'host-1-abcdef-1',
    data: typeof data === 'string' ? data : JSON.stringify(data),
    attempts: 2,
    publishedAt,
    startedAt: publishedAt + 10,
    finishedAt: publishedAt + 25,
  };
}

const rowsFrom = (first: number, count: number) => Array.from({ length: count }, (_, i) => row(first + i));

const messageIds = async () =>
  (await postgres.sql<{ message_id: string }>(`SELECT message_id FROM ${table} ORDER BY ctid`)).map(
    ({ message_id }) => message_id,
  );

/** Why a record does not start. */
async function whyNot(more: Partial<PostgresRecordOptions> = {}): Promise<{ code: string; message: string }> {
  const error = await recordOf(more)
    .start()
    .catch((reason: unknown) => reason);
  const { code, message } = error as { code: string; message: string };
  return { code, message };
}

describe.skipIf(lacksPostgres)('rows', () => {
  test('have all columns, and stand in their order', async () => {
    const record = await started();
    const rows = [row(3, '{"message_id":"m3","big":12345678901234567890.10}'), row(1), row(2)];
    expect(await record.write(rows)).toEqual({ refused: [], before: [] });
    expect(await messageIds()).toEqual(['m3', 'm1', 'm2']);
    const [first] = await postgres.sql(`SELECT *, data::text FROM ${table} LIMIT 1`);
    expect(first).toEqual({
      inbox_id: '1764000000003-0',
      message_id: 'm3',
      consumer_id: 'host-1-abcdef-1',
      data: '{"big": 12345678901234567890.10, "message_id": "m3"}',
      attempts: 2,
      published_at: new Date(1_764_000_000_003),
      started_at: new Date(1_764_000_000_013),
      finished_at: new Date(1_764_000_000_028),
    });
  });

  test('written again change nothing, and what an earlier attempt wrote is given back', async () => {
    const record = await started();
    await record.write(rowsFrom(1, 3));
    expect(await record.write(rowsFrom(1, 4))).toEqual({ refused: [], before: [] });
    // The same in other words is the same.
    expect(await record.write([row(2, '{ "message_id" : "m2" }')])).toEqual({ refused: [], before: [] });
    const other = row(2, { message_id: 'm2', other: true });
    const before = [{ inboxId: other.inboxId, messageId: 'm2', data: '{"message_id": "m2"}' }];
    expect(await record.write([other, row(5)])).toEqual({ refused: [], before });
    expect(await record.find([other.inboxId, '1-1'])).toEqual(before);
    expect(await messageIds()).toEqual(['m1', 'm2', 'm3', 'm4', 'm5']);
  });

  test('a message that is twice in a batch has one row', async () => {
    const record = await started();
    const { before } = await record.write([row(1), row(1, { message_id: 'm1', second: true })]);
    expect(before).toHaveLength(1);
    expect(await messageIds()).toEqual(['m1']);
  });

  test('more than one transaction takes are all written', async () => {
    const record = await started();
    const long = 'x'.repeat(400_000);
    await record.write([...rowsFrom(1, 2_500), ...[1, 2, 3, 4].map((n) => row(10_000 + n, { long }))]);
    expect(await messageIds()).toHaveLength(2_504);
  });

  test('two processes that start at once make one table', async () => {
    await Promise.all(Array.from({ length: 6 }, () => started()));
    expect(await messageIds()).toEqual([]);
  });

  test('a table in a schema, with upper case, is used as it is written', async () => {
    await postgres.sql('CREATE SCHEMA "Sales"');
    const record = await started({ table: 'Sales.Results' });
    await record.write([row(1)]);
    expect(await postgres.sql('SELECT message_id FROM "Sales"."Results"')).toEqual([{ message_id: 'm1' }]);
  });
});

describe.skipIf(lacksPostgres)('a row that PostgreSQL refuses', () => {
  test('is found, and the others are written in their order', async () => {
    const record = await started();
    await postgres.sql(`ALTER TABLE ${table} ADD CONSTRAINT small CHECK ((data->>'amount')::numeric < 100)`);
    const rows = rowsFrom(1, 300);
    rows[0] = row(1, { amount: 100 });
    rows[137] = row(138, '{"text":"a\\u0000b"}');
    rows[138] = row(139, { amount: 'twelve' });
    rows[299] = row(300, `${'['.repeat(20_000)}${']'.repeat(20_000)}`);
    const { refused } = await record.write(rows);
    expect(refused.map(({ inboxId }) => inboxId)).toEqual(
      [0, 137, 138, 299].map((index) => rows[index]?.inboxId),
    );
    const [check, zero, number, deep] = refused.map(({ error }) => error);
    expect(check).toMatch(/^PostgreSQL refuses it: .*violates check constraint "small" \(23514/);
    expect(zero).toMatch(/unsupported Unicode escape sequence/);
    expect(number).toMatch(/invalid input syntax for type numeric: "twelve"/);
    expect(deep).toMatch(/stack depth limit exceeded/);
    expect(await messageIds()).toEqual(
      rows.filter((_, i) => ![0, 137, 138, 299].includes(i)).map(({ messageId }) => messageId),
    );
    expect(record.away).toBe(false);
  });

  test('by a constraint that is checked only at the end is found too', async () => {
    const record = await started();
    await postgres.sql(`ALTER TABLE ${table} ADD UNIQUE (message_id) DEFERRABLE INITIALLY DEFERRED`);
    const second = { ...row(9), messageId: 'm2' };
    const { refused } = await record.write([...rowsFrom(1, 4), second]);
    expect(refused.map(({ inboxId }) => inboxId)).toEqual([second.inboxId]);
    expect(await messageIds()).toEqual(['m1', 'm2', 'm3', 'm4']);
  });

  test('by the statement of recordSql is found, and has left nothing behind', async () => {
    await postgres.sql(
      `CREATE TABLE total_${table} (id integer PRIMARY KEY, amount numeric(10, 2) NOT NULL)`,
    );
    await postgres.sql(`INSERT INTO total_${table} VALUES (1, 0)`);
    const record = await started({
      sql: sqlFile(
        `UPDATE total_${table} SET amount = amount + (SELECT sum((r->'data'->>'amount')::numeric) FROM jsonb_array_elements($1) r)`,
      ),
    });
    const rows = [row(1, { amount: 1.1 }), row(2, { amount: 'no' }), row(3, { amount: 2.2 })];
    const { refused } = await record.write(rows);
    expect(refused.map(({ inboxId }) => inboxId)).toEqual([rows[1]?.inboxId]);
    expect(await messageIds()).toEqual(['m1', 'm3']);
    expect(await postgres.sql(`SELECT amount::text FROM total_${table}`)).toEqual([{ amount: '3.30' }]);
  });
});

describe.skipIf(lacksPostgres)('recordSql', () => {
  test('gets each new row once, with the names of the columns, in order', async () => {
    await postgres.sql(`CREATE TABLE seen_${table} (place serial, row jsonb)`);
    const record = await started({
      sql: sqlFile(`-- all of it\nINSERT INTO seen_${table} (row) SELECT jsonb_array_elements($1);\n`),
    });
    await record.write(rowsFrom(1, 2));
    await record.write(rowsFrom(1, 3));
    await record.write(rowsFrom(1, 3));
    const seen = await postgres.sql<{ row: Record<string, unknown> }>(
      `SELECT row FROM seen_${table} ORDER BY place`,
    );
    expect(seen.map((one) => one.row.message_id)).toEqual(['m1', 'm2', 'm3']);
    expect(seen[0]?.row).toEqual({
      inbox_id: '1764000000001-0',
      message_id: 'm1',
      consumer_id: 'host-1-abcdef-1',
      data: { message_id: 'm1' },
      attempts: 2,
      published_at: '2025-11-24T16:00:00.001Z',
      started_at: '2025-11-24T16:00:00.011Z',
      finished_at: '2025-11-24T16:00:00.026Z',
    });
  });

  test.each([
    [
      'SELECT 1\n  FROM nothing, jsonb_array_elements($1)',
      /record\.sql:2:8: relation "nothing" does not exist/,
    ],
    ['SELEC $1', /record\.sql:1:1: syntax error at or near "SELEC"/],
    ['SELECT 1', /bind message supplies 1 parameters, but prepared statement ".*" requires 0/],
    ['SELECT jsonb_array_elements($1); SELECT 2', /cannot insert multiple commands/],
    ['ANALYZE pg_class', /record\.sql:1:1: syntax error/],
    ['  \n', /is empty/],
  ])('%j is refused at start', async (text, words) => {
    const { code, message } = await whyNot({ sql: sqlFile(text) });
    expect(code).toBe('RECORD_REFUSED');
    expect(message).toMatch(words);
  });

  test('a file that is missing is refused at start', async () => {
    expect(await whyNot({ sql: join(folder, 'none.sql') })).toEqual({
      code: 'RECORD_REFUSED',
      message: expect.stringMatching(/recordSql cannot be read: ENOENT/),
    });
  });

  test('that lacks a right is refused at start', async () => {
    await postgres.sql(`CREATE TABLE secret_${table} (id text); CREATE ROLE writer_${table} LOGIN`);
    await postgres.sql(`GRANT CREATE ON SCHEMA public TO writer_${table}`);
    const sql = sqlFile(`INSERT INTO secret_${table} SELECT r->>'inbox_id' FROM jsonb_array_elements($1) r`);
    const { message } = await whyNot({ sql, url: postgres.urlOf(`writer_${table}`) });
    expect(message).toContain(`permission denied for table secret_${table}`);
  });

  test('transactions that lock each other out are tried again', async () => {
    await postgres.sql(`CREATE TABLE n_${table} (id integer PRIMARY KEY, n integer NOT NULL)`);
    await postgres.sql(`INSERT INTO n_${table} SELECT i, 0 FROM generate_series(1, 50) i`);
    // Each transaction locks one row after the other, in an order of its own.
    const sql = sqlFile(
      `SELECT pg_temp_touch(r->>'inbox_id', '${table}') FROM jsonb_array_elements($1) r`.replace(
        'pg_temp_touch',
        `touch_${table}`,
      ),
    );
    await postgres.sql(`CREATE FUNCTION touch_${table}(text, text) RETURNS void LANGUAGE plpgsql AS $$
      DECLARE i integer; BEGIN FOR i IN SELECT id FROM n_${table} ORDER BY random() LIMIT 5 LOOP
        UPDATE n_${table} SET n = n + 1 WHERE id = i; PERFORM pg_sleep(0.001); END LOOP; END $$`);
    const record = await started({ sql });
    const write = async (first: number): Promise<void> => {
      // What still fails is tried again, as the queue of the committer does.
      await record.write(rowsFrom(first, 4)).catch(() => write(first));
    };
    await Promise.all(Array.from({ length: 12 }, (_, i) => write(100 * i)));
    expect(await messageIds()).toHaveLength(48);
    expect(await postgres.sql(`SELECT sum(n)::integer AS sum FROM n_${table}`)).toEqual([{ sum: 48 * 5 }]);
  });
});

describe.skipIf(lacksPostgres)('a table that does not fit is refused at start, with the difference', () => {
  test.each([
    [
      'inbox_id text PRIMARY KEY, message_id text, consumer_id integer, data json, attempts int',
      [
        'the column consumer_id is integer, not text',
        'the column data is json, not jsonb',
        'the column published_at (timestamptz) is missing',
      ],
    ],
    [
      'inbox_id text, message_id text, consumer_id text, data jsonb, attempts int, published_at timestamptz, ' +
        'started_at timestamptz, finished_at timestamptz, tenant text NOT NULL',
      ['the column tenant is NOT NULL and has no default', 'inbox_id is no primary key'],
    ],
  ])('%s', async (columns, differences) => {
    await postgres.sql(`CREATE TABLE ${table} (${columns})`);
    const { code, message } = await whyNot();
    expect(code).toBe('RECORD_REFUSED');
    for (const difference of differences) expect(message).toContain(difference);
  });

  test('a view', async () => {
    await postgres.sql(`CREATE VIEW ${table} AS SELECT 1 AS inbox_id`);
    expect((await whyNot()).message).toContain('it is no table');
  });

  test('one of other columns too, with defaults, is taken', async () => {
    await started();
    await postgres.sql(`ALTER TABLE ${table} ADD COLUMN written_at timestamptz NOT NULL DEFAULT now()`);
    await postgres.sql(`ALTER TABLE ${table} ALTER COLUMN message_id TYPE varchar(200)`);
    const record = await started();
    expect((await record.write([row(1)])).refused).toEqual([]);
  });
});

describe.skipIf(lacksPostgres)('a user without the rights is refused at start, with what to grant', () => {
  let user: string;
  beforeEach(async () => {
    user = `user_${table}`;
    await postgres.sql(`CREATE ROLE ${user} LOGIN`);
    onTestFinished(async () => {
      await postgres.sql(`DROP OWNED BY ${user}; DROP ROLE ${user}`);
    });
  });

  test('to make the table', async () => {
    const { code, message } = await whyNot({ url: postgres.urlOf(user) });
    expect(code).toBe('RECORD_REFUSED');
    expect(message).toContain('GRANT CREATE, USAGE ON SCHEMA "public"');
    expect(message).toContain('CREATE TABLE');
    expect((await whyNot({ table: `none.${table}` })).message).toContain('CREATE SCHEMA "none"');
  });

  test('to write to the table; with them it works', async () => {
    await started();
    const { message } = await whyNot({ url: postgres.urlOf(user) });
    const [grant = ''] = /GRANT .*/.exec(message) ?? [];
    expect(grant).toBe(`GRANT SELECT, INSERT ON "${table}" TO "${user}"`);
    await postgres.sql(grant);
    const record = await started({ url: postgres.urlOf(user) });
    expect((await record.write([row(1)])).refused).toEqual([]);
    await postgres.sql(`REVOKE INSERT ON ${table} FROM ${user}`);
    // Not the fault of a row: it waits until the right is back.
    await expect(record.write([row(2)])).rejects.toMatchObject({
      code: 'RECORD_REFUSED',
      message: expect.stringMatching(/permission denied .*GRANT SELECT, INSERT/),
    });
    expect(record.away).toBe(true);
  });
});

describe.skipIf(lacksPostgres)('while PostgreSQL is away', () => {
  test('a call fails, and works once it is back, also after a crash', async () => {
    const own = await freshPostgres();
    const record = await started({ url: own.url });
    await record.write([row(1)]);
    await own.stop('immediate');
    await expect(record.write([row(2)])).rejects.toMatchObject({
      code: 'RECORD_AWAY',
      message: expect.stringMatching(/does not take rows: .*ECONNREFUSED|Connection terminated/),
    });
    expect(record.away).toBe(true);
    await own.start();
    expect((await record.write([row(1), row(2)])).refused).toEqual([]);
    expect(record.away).toBe(false);
    expect(await own.sql(`SELECT count(*)::integer AS n FROM ${table}`)).toEqual([{ n: 2 }]);
  });

  test('a server that hangs does not hold a call, nor a stop', { timeout: 60_000 }, async () => {
    const own = await freshPostgres();
    const record = await started({ url: own.url });
    own.freeze();
    await expect(record.write([row(1)])).rejects.toMatchObject({ code: 'RECORD_AWAY' });
    const hanging = record.write([row(1)]).catch((error: unknown) => error);
    const began = performance.now();
    await record.stop();
    expect(performance.now() - began).toBeLessThan(3_000);
    expect(await hanging).toMatchObject({ code: 'RECORD_AWAY' });
    own.thaw();
    await until(async () => (await own.sql(`SELECT * FROM ${table}`)).length <= 1);
  });

  test('a server that takes no more connections, or only reads, is away', async () => {
    const own = await freshPostgres({ max_connections: '5', superuser_reserved_connections: '1' });
    await own.sql('CREATE ROLE writer LOGIN; GRANT CREATE ON SCHEMA public TO writer');
    const url = own.urlOf('writer');
    const record = await started({ url });
    await record.write([row(1)]);
    await record.stop();
    await own.sql("ALTER ROLE writer SET default_transaction_read_only = 'on'");
    expect(await whyNot({ url })).toEqual({
      code: 'RECORD_AWAY',
      message: expect.stringContaining('only reads'),
    });
    await own.sql(
      "ALTER ROLE writer SET default_transaction_read_only = 'off'; ALTER ROLE writer CONNECTION LIMIT 0",
    );
    expect(await whyNot({ url })).toEqual({
      code: 'RECORD_AWAY',
      message: expect.stringMatching(/too many connections for role "writer" \(53300\)/),
    });
  });

  test('a dropped table is the fault of no row', async () => {
    const record = await started();
    await postgres.sql(`DROP TABLE ${table}`);
    await expect(record.write([row(1)])).rejects.toMatchObject({
      code: 'RECORD_REFUSED',
      message: expect.stringMatching(/does not exist \(42P01\); make the table again/),
    });
    await started();
    expect((await record.write([row(1)])).refused).toEqual([]);
  });
});

test.skipIf(lacksPostgres)('no error shows the password', async () => {
  const { port } = new URL(postgres.url);
  const urls = [
    'nobody:topsecret@127.0.0.1',
    'nobody:topsecret@127.0.0.1:1',
    'nobody:topsecret@[::1',
    'x:topsecret@host.invalid',
  ];
  for (const authority of urls) {
    const url = `postgres://${authority}${authority.includes(':1', 20) ? '' : `:${port}`}/postgres`;
    const error = await Promise.resolve()
      .then(() => recordOf({ url }).start())
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Error);
    expect(JSON.stringify(error) + String(error) + String((error as Error).cause)).not.toContain('topsecret');
  }
});
