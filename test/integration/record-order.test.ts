import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createTable } from '../../src/record/table.js';
import { cgroup } from '../helpers/cli.js';
import { groupOn, type TestGroup } from '../helpers/group.js';
import { freshPostgres, lacksPostgres, type TestPostgres, withPostgres } from '../helpers/postgres.js';
import { withRedis } from '../helpers/redis.js';
import { logOf } from '../helpers/running.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const postgres = withPostgres();
let tables = 0;

/** A record whose statement notes its rows in the order in which it gets them; and a processor that takes 0 to 40 ms. */
async function recordOn(server: TestPostgres) {
  const folder = await mkdtemp(join(tmpdir(), 'cgroup-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const [sql, handler] = [join(folder, 'log.sql'), join(folder, 'handler.mjs')];
  const table = `ordered_${++tables}`;
  // Where a row lies in the table (ctid) is no order: a new row takes the space of one that a crash rolled back.
  await server.sql(createTable(table));
  await server.sql(`ALTER TABLE ${table} ADD place bigserial`);
  await server.sql(`CREATE TABLE ${table}_log (place bigserial, message_id text)`);
  await writeFile(
    sql,
    `INSERT INTO ${table}_log (message_id) SELECT r->>'message_id'
     FROM jsonb_array_elements($1) WITH ORDINALITY AS t(r, i) ORDER BY i`,
  );
  await writeFile(
    handler,
    `export default async (message) => {
       await new Promise((done) => setTimeout(done, 40 * Math.random()));
       return { ...message, random: Math.random() };
     };`,
  );
  const ids = async (from: string) =>
    (await server.sql<{ message_id: string }>(`SELECT message_id FROM ${from}`)).map((row) => row.message_id);
  return {
    table,
    flags: [
      ...['--order', 'total', '--record', server.url, '--record-table', table, '--record-sql', sql],
      ...['--processor', handler, '--concurrency', '8'],
    ],
    /** The ids in the order in which the rows were written, by the table, and by the statement. */
    rows: () => ids(`${table} ORDER BY place`),
    noted: () => ids(`${table}_log ORDER BY place`),
  };
}

type TestRecord = Awaited<ReturnType<typeof recordOn>>;

async function idsIn(group: TestGroup) {
  return (await group.outputs()).map(({ messageId }) => messageId);
}

/** Waits until so many messages are settled, and nothing waits. */
function out(group: TestGroup, relayed: number, timeout = 60_000) {
  return until(
    async () => {
      const reading = await group.read();
      const isOut = reading.counters.relayed === relayed && reading.backlog === 0 && reading.parked === 0;
      return isOut ? reading : undefined;
    },
    { timeout, what: `${relayed} messages to be out` },
  );
}

async function expectOrder(group: TestGroup, record: TestRecord, ids: readonly string[]) {
  expect(await idsIn(group)).toEqual(ids);
  expect(await record.noted()).toEqual(ids);
  expect(await record.rows()).toEqual(ids);
}

/** A constraint that refuses one message. */
const refuse = ({ table }: TestRecord, id: string) =>
  postgres.sql(`ALTER TABLE ${table} ADD CONSTRAINT fine CHECK (message_id <> '${id}')`);

test.skipIf(lacksPostgres)(
  'with total order rows are in the order of the messages, through a kill and a crash of PostgreSQL',
  { timeout: 180_000 },
  async () => {
    const own = await freshPostgres();
    const group = await groupOn(redis.url);
    const record = await recordOn(own);
    const [victim, ...others] = await Promise.all([1, 2, 3].map(() => group.start(record.flags)));
    // It has no record: it must let nothing out.
    others.push(await group.start([...record.flags, '--bridge', 'only']));
    await group.bridgesInStep(2);
    const ids: string[] = [];
    for (let i = 0; i < 4; i++) {
      ids.push(...(await group.publish(1_000)));
      await until(async () => (await idsIn(group)).length > i * 1_000 + 200, { timeout: 60_000 });
      if (i === 1) await victim?.kill('SIGKILL');
      if (i !== 3) await own.restart('immediate');
    }
    await out(group, 4_000, 120_000);
    await expectOrder(group, record, ids);
    const data = await own.sql<{ message_id: string; data: unknown; attempts: number }>(
      `SELECT message_id, data, attempts FROM ${record.table} ORDER BY place`,
    );
    const outputs = await group.outputs();
    expect(data.map((row) => row.data)).toEqual(outputs.map((output) => output.data));
    expect(data.every(({ attempts }) => attempts >= 1)).toBe(true);
    expect((await group.read()).counters).toMatchObject({ processed: 4_000, dead: 0 });
    for (const run of others) expect((await run.kill()).code).toBe(0);
  },
);

test.skipIf(lacksPostgres)('an output that is a list goes with the record, too', async () => {
  const group = await groupOn(redis.url);
  const record = await recordOn(postgres);
  const run = await group.start([...record.flags, '--output-type', 'list']);
  const ids = await group.publish(300);
  const isOut = async () => (await group.raw.llen(group.space.output)) === 300;
  await until(isOut, { timeout: 30_000 });
  const lines = (await group.raw.lrange(group.space.output, 0, -1)).map((line) => JSON.parse(line));
  expect(lines.map(({ message_id }) => message_id)).toEqual(ids);
  expect(await record.rows()).toEqual(ids);
  const rows = await postgres.sql<{ inbox_id: string; data: unknown; times: string[] }>(
    `SELECT inbox_id, data, ARRAY[extract(epoch FROM published_at) * 1000, extract(epoch FROM started_at) * 1000,
       extract(epoch FROM finished_at) * 1000]::bigint[]::text[] AS times FROM ${record.table} ORDER BY place`,
  );
  expect(rows).toEqual(
    lines.map(({ inbox_id, data, published_at, started_at, finished_at }) => ({
      ...{ inbox_id, data },
      times: [published_at, started_at, finished_at].map(String),
    })),
  );
  expect((await run.kill()).code).toBe(0);
});

test.skipIf(lacksPostgres)(
  'a row that PostgreSQL refuses is a dead letter with its message, and the order goes on',
  async () => {
    const group = await groupOn(redis.url);
    const record = await recordOn(postgres);
    const run = await group.start(record.flags);
    await refuse(record, 'bad');
    const ids = ['a1', 'a2', 'bad', 'a3', 'a4'];
    await group.publish(ids);
    const good = ids.filter((id) => id !== 'bad');
    const { counters } = await out(group, 5);
    expect(counters).toMatchObject({ processed: 4, dead: 1, failed: 1 });
    await expectOrder(group, record, good);
    const [[, fields] = ['', []]] = await group.raw.xrange(group.keys.dead, '-', '+');
    expect(fields).toEqual(expect.arrayContaining(['message', '{"message_id":"bad"}', 'reason', 'failed']));
    await run.line(/new dead letter.*PostgreSQL refuses it: .*fine/);
    await postgres.sql(`ALTER TABLE ${record.table} DROP CONSTRAINT fine`);
    expect((await cgroup(['dead', 'retry', '--all', ...group.flags]).exit).code).toBe(0);
    await until(async () => (await idsIn(group)).length === 5);
    await expectOrder(group, record, [...good, 'bad']);
    expect((await run.kill()).code).toBe(0);
  },
);

test.skipIf(lacksPostgres).each(['retry', 'skip'])(
  'with onDead halt a row that PostgreSQL refuses stops rows and output, until %s',
  async (command) => {
    const group = await groupOn(redis.url);
    const record = await recordOn(postgres);
    const run = await group.start([...record.flags, '--on-dead', 'halt']);
    await refuse(record, 'bad');
    await group.publish(['a1', 'a2', 'bad', 'a3', 'a4']);
    const halted = async () => {
      const { parked, backlog } = await group.read();
      return parked === 2 && backlog === 0 && (await group.raw.zcard(group.keys.halted)) === 1;
    };
    await until(halted, { timeout: 30_000 });
    await expectOrder(group, record, ['a1', 'a2']);
    await run.line(/onDead halt/);
    const [[deadId] = ['']] = await group.raw.xrange(group.keys.dead, '-', '+');
    if (command === 'retry') await postgres.sql(`ALTER TABLE ${record.table} DROP CONSTRAINT fine`);
    const done = cgroup(['dead', command, deadId, ...group.flags]);
    expect(await done.exit, done.stderr()).toMatchObject({ code: 0 });
    const after = command === 'retry' ? ['a1', 'a2', 'bad', 'a3', 'a4'] : ['a1', 'a2', 'a3', 'a4'];
    await until(async () => (await idsIn(group)).length === after.length, { timeout: 30_000 });
    await expectOrder(group, record, after);
    expect((await run.kill()).code).toBe(0);
  },
);

test.skipIf(lacksPostgres)(
  'while PostgreSQL is away results wait parked, told once, and nothing begins when the window is full',
  { timeout: 90_000 },
  async () => {
    const own = await freshPostgres();
    const group = await groupOn(redis.url);
    const record = await recordOn(own);
    const run = await group.start([...record.flags, '--order-window', '50']);
    const ids = await group.publish(20);
    await out(group, 20);
    await own.stop('immediate');
    ids.push(...(await group.publish(500)));
    await run.line(
      /results that wait for their turn are not let out.*the record in PostgreSQL does not take rows/,
    );
    // Each look is longer than any attempt: at last nothing is in work, and nothing begins.
    let before = -1;
    const still = await until(
      async () => {
        const reading = await group.read();
        const isStill = reading.parked >= 50 && reading.parked === before;
        before = reading.parked;
        return isStill ? reading : undefined;
      },
      { timeout: 30_000, every: 1_500, what: 'nothing to begin' },
    );
    expect(still.parked + still.backlog).toBe(500);
    expect(still.backlog).toBeGreaterThan(0);
    expect(still.counters.processed).toBe(20);
    await own.start();
    await out(group, 520);
    await expectOrder(group, record, ids);
    await run.line(/over after .* s: results that wait/);
    expect(logOf(run, 40).filter(({ msg }) => msg.includes('does not take rows'))).toHaveLength(1);
    expect((await run.kill()).code).toBe(0);
  },
);
