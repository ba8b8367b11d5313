import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { Result } from '../../src/core/consumer-store.js';
import type { Recorder, RecordRow } from '../../src/core/record.js';
import { silentLogger } from '../../src/log/logger.js';
import { RedisConsumerStore } from '../../src/redis/consumer-store.js';
import { OrderedCommits } from '../../src/redis/ordered-commits.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { withRedis } from '../helpers/redis.js';
import { GROUP, openStores } from '../helpers/stores.js';
import { until } from '../helpers/until.js';

const redis = withRedis();

/**
 * A record in memory, with rows in the order in which they were written. `refuses` holds inbox ids. A flaky one fails at times, before or
 * after it has written: then other processes get the same results at the same time.
 */
function memoryRecord(rows: RecordRow[], refuses: ReadonlySet<string>, isFlaky: boolean) {
  let gate: Promise<void> = Promise.resolve();
  let writes = 0;
  const recorder: Recorder = {
    away: false,
    start: async () => {},
    stop: async () => {},
    find: async () => [],
    async write(given, halts = false) {
      writes++;
      await gate;
      // Another process may come between: a transaction of PostgreSQL takes its time.
      await sleep(5 * Math.random());
      const fails = isFlaky ? Math.random() : 1;
      if (fails < 0.2) throw new Error('away');
      const refused: { inboxId: string; error: string }[] = [];
      const before: RecordRow[] = [];
      for (const row of given) {
        const known = rows.find(({ inboxId }) => inboxId === row.inboxId);
        if (refuses.has(row.inboxId)) refused.push({ inboxId: row.inboxId, error: 'no' });
        else if (!known) rows.push(row);
        else if (known.data !== row.data) before.push(known);
        if (halts && refused.length > 0) break;
      }
      await sleep(5 * Math.random());
      if (fails < 0.4) throw new Error('away');
      return { refused, before };
    },
  };
  const hold = () => {
    let open = () => {};
    gate = new Promise((done) => {
      open = done;
    });
    return open;
  };
  return { recorder, hold, writes: () => writes };
}

/** Entries that consumer `a` holds, and processes that commit and record them. */
async function holding(count: number, { halt = false, isFlaky = false } = {}) {
  const stores = await openStores(redis.namespace());
  const ids = await stores.relay(...Array.from({ length: count }, (_, i) => `{"message_id":${i}}`));
  await stores.read('a', count);
  const rows: RecordRow[] = [];
  const refuses = new Set<string>();
  const process = async () => {
    const connection = new Connection(redis.url, 'settler', silentLogger);
    onTestFinished(() => connection.close());
    await connection.connect();
    const { recorder, ...control } = memoryRecord(rows, refuses, isFlaky);
    const letters: string[] = [];
    const ordered = new OrderedCommits(connection, stores.keys, {
      ...{ list: false, order: 'total', timed: true, group: GROUP, maxLength: 0 },
      window: { most: 10_000, note() {} },
      record: {
        ...{ recorder, halt, deadMaxLen: 0, onMore() {}, onHalted() {} },
        onBuried: (some) => letters.push(...some.map(({ inboxId }) => inboxId)),
      },
    });
    const store = new RedisConsumerStore(connection, stores.keys, GROUP, undefined, { ordered });
    const commit = (...wanted: string[]) =>
      store.commit(
        wanted.map((id) => resultOf(id)),
        0,
      );
    return { ordered, commit, letters, ...control };
  };
  const out = async () => (await stores.fields(stores.keys.output)).map(({ inbox_id }) => inbox_id);
  return { ...stores, ids, rows, refuses, process, out };
}

const resultOf = (id: string, data = `{"of":"${id}"}`): Result => ({
  entryId: id,
  inboxId: id,
  consumerId: 'a',
  messageId: `m\\"${id}`,
  data,
  attempts: 3,
  startedAt: 1,
  finishedAt: 2,
});

test('results are parked until they are recorded, and go out as they are in the record', async () => {
  const { ids, rows, process, out, raw, keys } = await holding(3);
  const [one, two, three] = ids as [string, string, string];
  const { commit, ordered } = await process();
  await commit(one, three);
  expect([await out(), await raw.zcard(keys.parked)]).toEqual([[], 2]);
  await ordered.letOut();
  expect(await out()).toEqual([one]);
  rows.push({ ...(rows[0] as RecordRow), inboxId: two, messageId: 'before', data: '{"recorded":1}' });
  await commit(two);
  await ordered.letOut();
  expect(rows.map(({ inboxId }) => inboxId)).toEqual(ids);
  expect(rows[0]).toMatchObject({
    messageId: `m\\"${one}`,
    consumerId: 'a',
    attempts: 3,
    startedAt: 1,
    finishedAt: 2,
  });
  expect((await raw.xrange(keys.output, '-', '+')).map(([, fields]) => [fields[1], fields[7]])).toEqual([
    [`m\\"${one}`, `{"of":"${one}"}`],
    ['before', '{"recorded":1}'],
    [`m\\"${three}`, `{"of":"${three}"}`],
  ]);
  expect(await raw.hgetall(keys.counters)).toMatchObject({ processed: '3' });
});

test('processes that record at the same time write each row once, in order', {
  timeout: 60_000,
}, async () => {
  const { ids, rows, process, out } = await holding(600, { isFlaky: true });
  const processes = await Promise.all([process(), process(), process()]);
  const shuffled = ids.map((id) => [Math.random(), id] as const).sort(([a], [b]) => a - b);
  const wanted = shuffled.map(([, id]) => id);
  await Promise.all(
    processes.map(async ({ commit, ordered }, i) => {
      const own = wanted.filter((_, n) => n % 3 === i);
      while (own.length > 0) {
        await commit(...own.splice(0, 7).sort((a, b) => ids.indexOf(a) - ids.indexOf(b)));
        await ordered.letOut().catch(() => {});
      }
    }),
  );
  await until(() => processes[0]?.ordered.letOut().then(async () => (await out()).length >= ids.length));
  expect(rows.map(({ inboxId }) => inboxId)).toEqual(ids);
  expect(await out()).toEqual(ids);
});

test('one that was stopped with a page lets nothing out twice, and does not hold up the others', async () => {
  const { ids, rows, process, out } = await holding(4);
  const [stopped, other] = [await process(), await process()];
  await stopped.commit(...ids.slice(0, 2));
  const goOn = stopped.hold();
  const late = stopped.ordered.letOut();
  await expect.poll(stopped.writes).toBe(1);
  await other.commit(...ids.slice(2));
  // Half a second later the page counts as abandoned.
  await expect.poll(() => other.ordered.letOut().then(out), { timeout: 10_000 }).toEqual(ids);
  goOn();
  await late;
  expect(await out()).toEqual(ids);
  expect(rows.map(({ inboxId }) => inboxId)).toEqual(ids);
});

test('a result whose entry another program deleted does not come before results that are being recorded', async () => {
  const { ids, rows, process, out, raw, keys } = await holding(3);
  const [one, two, three] = ids as [string, string, string];
  const { commit, ordered, hold, writes } = await process();
  await commit(two, three);
  await raw.xdel(keys.inbox, one);
  const goOn = hold();
  const going = ordered.letOut();
  await expect.poll(writes).toBe(1);
  expect(await commit(one)).toEqual([one]);
  goOn();
  await going;
  expect(await out()).toEqual([two, three]);
  expect(rows.map(({ inboxId }) => inboxId)).toEqual([two, three]);
});

test('refused rows are dead letters with their messages, and the rest goes out', async () => {
  const { ids, refuses, process, out, fields, keys, raw } = await holding(5);
  const { commit, ordered, letters } = await process();
  refuses.add(ids[1] as string).add(ids[4] as string);
  await commit(...ids);
  await ordered.letOut();
  expect(await out()).toEqual([ids[0], ids[2], ids[3]]);
  expect(letters).toEqual([ids[1], ids[4]]);
  expect(await fields(keys.dead)).toEqual([
    { ...letterOf(ids[1] as string), message: '{"message_id":1}' },
    { ...letterOf(ids[4] as string), message: '{"message_id":4}' },
  ]);
  expect(await raw.hgetall(keys.counters)).toMatchObject({ processed: '3', dead: '2', failed: '2' });
});

const letterOf = (id: string) => ({
  ...{ reason: 'failed', error: 'no', attempts: '3', consumer_id: 'a', inbox_id: id },
});

test('with halt nothing behind a refused row is recorded, until its place is given up', async () => {
  const { ids, rows, refuses, process, out, raw, keys, inspector } = await holding(4, { halt: true });
  const { commit, ordered } = await process();
  refuses.add(ids[1] as string);
  await commit(...ids);
  await ordered.letOut();
  expect(await out()).toEqual(ids.slice(0, 1));
  expect(rows).toHaveLength(1);
  expect([await raw.zcard(keys.halted), await raw.zcard(keys.parked)]).toEqual([1, 2]);
  // The results behind it still wait for the record.
  expect(await inspector.halts.skip(() => true)).toMatchObject([{ inboxId: ids[1] }]);
  expect(await out()).toHaveLength(1);
  await ordered.letOut();
  expect(await out()).toEqual([ids[0], ids[2], ids[3]]);
  expect(rows.map(({ inboxId }) => inboxId)).toEqual(await out());
});

test('what another program put among the parked results goes out nowhere, and stops nothing', async () => {
  const { ids, rows, process, out, raw, keys } = await holding(2);
  const { commit, ordered } = await process();
  await raw.zadd(keys.parked, 0, 'a', 0, `${'0'.repeat(20)}-${'0'.repeat(20)}\0\x0199\0x`, 7, 'b');
  await commit(...ids);
  await ordered.letOut();
  expect(await out()).toEqual(ids);
  expect(rows).toHaveLength(2);
  expect((await raw.hgetall(keys.counters)).foreignParked).toBe('3');
});

test('skip lets out nothing that has to be recorded', async () => {
  const { ids, rows, process, out, inspector } = await holding(2);
  const { commit, ordered } = await process();
  await commit(...ids);
  await inspector.halts.skip(() => true);
  expect([await out(), rows]).toEqual([[], []]);
  await ordered.letOut();
  expect(await out()).toEqual(ids);
});
