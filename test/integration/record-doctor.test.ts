import { expect, test } from 'vitest';
import { cgroup } from '../helpers/cli.js';
import { lacksPostgres, withPostgres } from '../helpers/postgres.js';
import { withRedis } from '../helpers/redis.js';
import { flagsOf } from '../helpers/running.js';
import { freePort } from '../helpers/service.js';

const redis = withRedis();
const postgres = withPostgres();

/** What the doctor finds about the record. */
async function findingOf(record: string | undefined, ...args: string[]) {
  const run = cgroup(['doctor', ...flagsOf(redis.namespace()), '--json', ...args], {
    env: { CGROUP_RECORD: record },
  });
  await run.exit;
  expect(run.stdout() + run.stderr()).not.toContain('topsecret');
  if (run.stdout() === '') throw new Error(run.stderr());
  const { findings } = JSON.parse(run.stdout()) as {
    findings: { check: string; status: string; what: string }[];
  };
  return findings.find(({ check }) => check === 'record');
}

test.skipIf(lacksPostgres)(
  'the doctor says whether the record can be written, and changes nothing',
  async () => {
    expect(await findingOf(undefined)).toBeUndefined();
    expect(await findingOf(postgres.url)).toMatchObject({
      ...{ status: 'note', what: expect.stringContaining('there is no table cgroup_messages') },
    });
    expect(await postgres.sql("SELECT to_regclass('cgroup_messages') AS found")).toEqual([{ found: null }]);
    await postgres.sql('CREATE TABLE wrong (inbox_id integer)');
    expect(await findingOf(postgres.url, '--record-table', 'wrong')).toMatchObject({
      ...{ status: 'mend', what: expect.stringContaining('the column inbox_id is integer, not text') },
    });
    await postgres.sql(`CREATE TABLE good (inbox_id text PRIMARY KEY, message_id text, consumer_id text, data jsonb,
    attempts int, published_at timestamptz, started_at timestamptz, finished_at timestamptz)`);
    expect(await findingOf(postgres.url, '--record-table', 'good')).toMatchObject({ status: 'ok' });
    expect(await findingOf(`postgres://me:topsecret@127.0.0.1:${await freePort()}/x`)).toMatchObject({
      ...{ status: 'mend', what: expect.stringContaining('ECONNREFUSED') },
    });
  },
);
