import { Redis } from 'ioredis';
import { Client } from 'pg';

/** Entries of one read of the output. */
const PAGE = 10_000;

/**
 * Compares the output, the rows and the balances. Returns what is wrong, in words.
 *
 * @param {{ cents: number }} what the sum of all amounts
 * @returns {Promise<string[]>}
 */
export async function check({ group, postgres, options, cents, say }) {
  const wrong = [];
  const expect = (what, is, should) => {
    say(`${what}: ${is}`);
    if (String(is) !== String(should)) wrong.push(`${what} is ${is}, not ${should}`);
  };
  const { messages } = options;
  const client = new Client(postgres.url);
  await client.connect();
  const one = async (sql) => Object.values((await client.query(sql)).rows[0])[0];
  const { counters } = await group.status();
  expect('relayed', counters.relayed, messages);
  expect('processed', counters.processed, messages);
  expect('dead', counters.dead, 0);
  expect('rows', await one('SELECT count(*) FROM cgroup_messages'), messages);
  expect(
    'messages with a row',
    await one('SELECT count(DISTINCT message_id) FROM cgroup_messages'),
    messages,
  );
  const amount = (cents / 100).toFixed(2);
  expect(
    'sum of the rows',
    await one("SELECT sum((data->>'amount')::numeric(20, 2)) FROM cgroup_messages"),
    amount,
  );
  if (!options['no-sql']) {
    expect('sum of the balances', await one('SELECT sum(balance) FROM accounts'), amount);
    const balances = `SELECT count(*) FROM accounts a WHERE balance <> (
      SELECT sum((m.data->>'amount')::numeric) FROM cgroup_messages m WHERE m.data->>'account' = a.account)`;
    if (messages <= 100_000) expect('accounts with a wrong balance', await one(balances), 0);
  }
  const { rows } = await client.query("SELECT inbox_id, data->>'random' AS random FROM cgroup_messages");
  await client.end();
  const recorded = new Map(rows.map(({ inbox_id, random }) => [inbox_id, random]));
  let [entries, different] = [0, 0];
  const redis = new Redis(group.url);
  for (let from = '-'; ; ) {
    const page = await redis.xrange('messages:processed', from, '+', 'COUNT', PAGE);
    for (const [, [, , , , , inboxId, , data]] of page) {
      // Of two entries of one message, the second finds nothing. As numbers: PostgreSQL writes 0.0000001, and JSON 1e-7.
      if (JSON.parse(data).random !== Number(recorded.get(inboxId))) different++;
      recorded.delete(inboxId);
    }
    entries += page.length;
    if (page.length < PAGE) break;
    from = `(${page.at(-1)[0]}`;
  }
  redis.disconnect();
  expect('entries of the output', entries, messages);
  expect('entries that say something else than their rows', different, 0);
  return wrong;
}
