import { expect, onTestFinished, test } from 'vitest';
import { cgroup } from '../helpers/cli.js';
import { groupOn } from '../helpers/group.js';
import { freshPostgres, lacksPostgres, withPostgres } from '../helpers/postgres.js';
import { withRedis } from '../helpers/redis.js';
import { flagsOf, logOf } from '../helpers/running.js';
import { freePort } from '../helpers/service.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const postgres = withPostgres();
let tables = 0;

const tableOf = () => `results_${++tables}`;

test.skipIf(lacksPostgres)('each result is a row, and says the same as the output', async () => {
  const group = await groupOn(redis.url);
  const table = tableOf();
  const run = await group.start(['--record', postgres.url, '--record-table', table, '--simulate-ms', '5']);
  const ids = await group.publish(200);
  await group.settled(200);
  const outputs = await group.outputs();
  const rows = await postgres.sql<Record<string, never>>(
    `SELECT *, finished_at - started_at >= '4 ms' AND started_at >= published_at - interval '1 s' AS timed FROM ${table}`,
  );
  expect(rows.map(({ message_id }) => message_id).sort()).toEqual([...ids].sort());
  const byId = new Map(rows.map((row) => [row.inbox_id, row]));
  for (const { inboxId, messageId, consumerId, data } of outputs)
    expect(byId.get(inboxId as never)).toMatchObject({
      ...{ message_id: messageId, consumer_id: consumerId, data, attempts: 1, timed: true },
    });
  expect((await run.kill()).code).toBe(0);
});

test.skipIf(lacksPostgres)(
  'what PostgreSQL refuses is a dead letter, and is recorded after the cause is gone and dead retry',
  async () => {
    const group = await groupOn(redis.url);
    const table = tableOf();
    const run = await group.start(['--record', postgres.url, '--record-table', table]);
    await postgres.sql(`ALTER TABLE ${table} ADD CONSTRAINT no_odd CHECK (message_id NOT LIKE 'odd%')`);
    await group.publish(['odd1', 'even1', 'odd2', 'even2']);
    const { counters } = await group.settled(4);
    expect(counters).toMatchObject({ processed: 2, dead: 2, failed: 2 });
    await postgres.sql(`ALTER TABLE ${table} DROP CONSTRAINT no_odd`);
    const retry = cgroup(['dead', 'retry', '--all', '--redis', redis.url, '--output', group.space.output]);
    expect(await retry.exit, retry.stderr()).toEqual({ code: 0, signal: null });
    await until(async () => (await postgres.sql(`SELECT * FROM ${table}`)).length === 4);
    expect((await group.settled(4)).counters).toMatchObject({ processed: 4, dead: 0 });
    expect((await run.kill()).code).toBe(0);
  },
);

test.skipIf(lacksPostgres)(
  'while PostgreSQL is away messages wait, told once, and the process is not ready',
  async () => {
    const own = await freshPostgres();
    const group = await groupOn(redis.url);
    const port = await freePort();
    const run = await group.start(['--record', own.url, '--http', String(port)]);
    const ask = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).text();
    await group.publish(10);
    await group.settled(10);
    await own.stop('immediate');
    await group.publish(50);
    // Because a new connection is refused, or because an old one has ended.
    await run.line(/results are not written, trying again: the record in PostgreSQL does not take rows: /);
    await until(async () => (await ask('/readyz')).includes('its system of record takes no rows'));
    expect(await ask('/metrics')).toMatch(/cgroup_record_away\{.*\} 1\n/);
    expect((await group.read()).backlog).toBe(50);
    await own.start();
    await group.settled(60);
    await run.line(/over after .* s: results are not written/);
    const metrics = await ask('/metrics');
    expect(metrics).toMatch(/cgroup_record_away\{.*\} 0\n/);
    expect(metrics).toMatch(/cgroup_record_rows_total\{.*\} 60\n/);
    expect(metrics).toMatch(/cgroup_record_write_seconds_count\{.*\} \d+\n/);
    expect(await own.sql('SELECT count(*)::integer AS n FROM cgroup_messages')).toEqual([{ n: 60 }]);
    expect(logOf(run, 40).filter(({ msg }) => msg.includes('results are not written'))).toHaveLength(1);
    expect((await run.kill()).code).toBe(0);
  },
);

test.skipIf(lacksPostgres)(
  'a process whose record is away or does not fit does not start, and leaves nothing behind',
  async () => {
    const group = await groupOn(redis.url);
    await postgres.sql('CREATE TABLE other (inbox_id text)');
    for (const [record, table, words] of [
      [`postgres://me:topsecret@127.0.0.1:${await freePort()}/db`, 'x', /ECONNREFUSED/],
      [
        postgres.url,
        'other',
        /the table other is not that of the record: the column message_id \(text\) is missing/,
      ],
    ] as const) {
      const run = cgroup(['start', ...flagsOf(group.space), '--record-table', table], {
        env: { CGROUP_RECORD: record },
      });
      expect((await run.exit).code).toBe(1);
      expect(run.stderr()).toMatch(words);
      expect(run.stderr()).not.toContain('topsecret');
    }
    expect(await group.listed()).toEqual([]);
  },
);

test.skipIf(lacksPostgres)(
  'a stop with a PostgreSQL that hangs is in time, and the messages are handed back',
  { timeout: 60_000 },
  async () => {
    const own = await freshPostgres();
    const group = await groupOn(redis.url);
    const flags = ['--record', own.url, '--shutdown-timeout', '3s', '--bridge', 'off'];
    const bridge = await group.start(['--record', own.url, '--bridge', 'only']);
    const run = await group.start(flags);
    onTestFinished(() => own.thaw());
    own.freeze();
    await group.publish(30);
    await until(async () => (await group.read()).pending === 30);
    const began = performance.now();
    await run.kill();
    expect(performance.now() - began).toBeLessThan(6_000);
    own.thaw();
    const next = await group.start(flags);
    await group.settled(30, 30_000);
    expect(await own.sql('SELECT count(*)::integer AS n FROM cgroup_messages')).toEqual([{ n: 30 }]);
    await Promise.all([next.kill(), bridge.kill()]);
  },
);
