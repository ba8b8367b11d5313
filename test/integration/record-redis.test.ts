import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { hashesOf } from '../../src/redis/keys.js';
import { cgroup } from '../helpers/cli.js';
import { groupOn, type TestGroup } from '../helpers/group.js';
import { keyedGroup } from '../helpers/keyed-group.js';
import { freshRedis, withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const RECORD = ['--record', 'redis'];
const KEY = ['--order', 'key', '--order-key', 'k'];

/** A module whose processor takes up to 20 ms, or `ms`. Messages with `bad` in their id fail. */
async function handler(ms = '20 * Math.random()'): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cgroup-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'handler.mjs');
  await writeFile(
    file,
    `export default async (message) => {
       await new Promise((done) => setTimeout(done, ${ms}));
       if (String(message.message_id).includes('bad')) throw new Error('it is bad');
       return { ...message, random: Math.random() };
     };`,
  );
  return file;
}

/** Publishes messages of ten keys, and among them every 50th that fails, and some that are no messages. */
async function publish({ raw, space }: TestGroup, from: number, count: number) {
  const pipeline = raw.pipeline();
  for (let i = from; i < from + count; i++) {
    const message_id = i % 50 === 7 ? `bad${i}` : `m${i}`;
    pipeline.publish(space.channel, JSON.stringify({ message_id, k: i % 10 }));
    if (i % 100 === 3) pipeline.publish(space.channel, '{"no": "id"}');
  }
  await pipeline.exec();
  return count + Math.ceil((count - 3) / 100);
}

function settled(group: TestGroup, relayed: number) {
  return until(
    async () => {
      const reading = await group.read();
      const isSettled = reading.counters.relayed >= relayed && reading.backlog === 0 && reading.parked === 0;
      return isSettled ? reading : undefined;
    },
    { timeout: 90_000, what: `${relayed} messages to be settled` },
  );
}

async function hashesIn({ raw, keys }: TestGroup) {
  const prefix = hashesOf(keys);
  const names = (await raw.keys('*')).filter((key) => key.startsWith(prefix));
  const pipeline = raw.pipeline();
  for (const name of names) pipeline.hgetall(name);
  const replies = (await pipeline.exec()) ?? [];
  return new Map(
    names.map((name, i) => [name.slice(prefix.length), replies[i]?.[1] as Record<string, string>]),
  );
}

async function fieldsOf({ raw }: TestGroup, stream: string) {
  return (await raw.xrange(stream, '-', '+')).map(([, flat]) =>
    Object.fromEntries(flat.flatMap((name, i) => (i % 2 === 0 ? [[name, String(flat[i + 1])]] : []))),
  );
}

/** Each result and each dead letter with an id has a hash that says the same, and there is no other hash. */
async function expectHashes(group: TestGroup) {
  const hashes = await hashesIn(group);
  const outputs = await fieldsOf(group, group.space.output);
  const letters = (await fieldsOf(group, group.keys.dead)).filter(({ reason }) => reason !== 'no-message-id');
  for (const { message_id = '', ...said } of outputs) {
    const { attempts, ...hash } = hashes.get(message_id) ?? {};
    expect(hash).toEqual({ state: 'processed', ...said });
    expect(Number(attempts)).toBeGreaterThanOrEqual(1);
  }
  for (const { message_id = '', message = '', ...said } of letters) {
    expect(JSON.parse(message)).toMatchObject({ message_id });
    const { published_at, started_at, finished_at, ...hash } = hashes.get(message_id) ?? {};
    const { key: _key, stack: _stack, ...facts } = said;
    expect(hash).toEqual({ state: 'dead', ...facts });
    expect(Number(published_at)).toBeGreaterThan(1e12);
    expect(Number(finished_at)).toBeGreaterThanOrEqual(Number(started_at));
  }
  expect(hashes.size).toBe(outputs.length + letters.length);
  return { hashes, outputs, letters };
}

test.each([
  ['none', []],
  ['total', ['--order', 'total']],
  ['key', KEY],
])(
  'with order %s each settled message has its hash, though a process is killed',
  { timeout: 120_000 },
  async (_order, order) => {
    const group = await groupOn(redis.url);
    const flags = [...RECORD, ...order, '--max-attempts', '2', '--backoff', '20ms', '--size', '2'];
    const more = ['--processor', await handler(), '--concurrency', '4'];
    const runs = await Promise.all([1, 2, 3].map(() => group.start([...flags, ...more])));
    await group.bridgesInStep(2);
    let relayed = await publish(group, 0, 500);
    await until(async () => (await group.read()).counters.processed > 100, { timeout: 30_000 });
    await runs[0]?.kill('SIGKILL');
    relayed += await publish(group, 500, 500);
    await settled(group, relayed);
    const { hashes, outputs, letters } = await expectHashes(group);
    expect(outputs.length + letters.length).toBe(1_000);
    expect(letters).toHaveLength(20);
    expect(hashes.get('bad7')).toMatchObject({ state: 'dead', reason: 'failed', attempts: '2' });
    for (const run of runs.slice(1)) expect((await run.kill()).code).toBe(0);
  },
);

test('Redis is restarted with its data: hashes, output and dead letters say the same', {
  timeout: 90_000,
}, async () => {
  const server = await freshRedis(['--appendonly', 'yes', '--appendfsync', 'always']);
  const group = await groupOn(server.url);
  const flags = [...RECORD, '--order', 'total', '--max-attempts', '1', '--processor', await handler()];
  const runs = await Promise.all([1, 2].map(() => group.start([...flags, '--concurrency', '4'])));
  await group.bridgesInStep(2);
  let relayed = await publish(group, 0, 300);
  await until(async () => (await group.read()).counters.processed > 50, { timeout: 30_000 });
  await server.restart();
  await group.bridgesInStep(2);
  relayed += await publish(group, 300, 300);
  await settled(group, relayed);
  await expectHashes(group);
  for (const run of runs) expect((await run.kill()).code).toBe(0);
});

test('a hash says that a message failed, waits, and is processed', async () => {
  const group = await groupOn(redis.url);
  const run = await group.start([...RECORD, '--max-attempts', '1', '--processor', await handler('5')]);
  const hash = () => group.raw.hgetall(`${hashesOf(group.keys)}bad`);
  await group.publish(['bad']);
  await group.settled(1);
  expect(await hash()).toMatchObject({ state: 'dead', reason: 'failed', error: 'it is bad', attempts: '1' });
  const { started_at, finished_at } = await hash();
  expect(Number(finished_at) - Number(started_at)).toBeGreaterThanOrEqual(4);
  expect((await run.kill()).code).toBe(0);
  // Who sends it back need not know of the record.
  expect((await cgroup(['dead', 'retry', '--all', ...group.flags]).exit).code).toBe(0);
  const waiting = await hash();
  expect(waiting).toMatchObject({ state: 'waiting', error: 'it is bad' });
  const next = await group.start(RECORD);
  await until(async () => (await hash()).state === 'processed');
  expect(await hash()).toMatchObject({ inbox_id: waiting.inbox_id, attempts: '1' });
  expect(await hash()).not.toHaveProperty('error');
  expect((await next.kill()).code).toBe(0);
  await expectHashes(group);
});

test('a result whose key another program holds is a dead letter, told in the log; dead retry records it', async () => {
  const group = await groupOn(redis.url);
  const foreign = `${hashesOf(group.keys)}taken`;
  await group.raw.set(foreign, 'of another program');
  const run = await group.start(RECORD);
  await group.publish(['a', 'taken', 'b']);
  const { counters } = await group.settled(3);
  expect(counters).toMatchObject({ processed: 2, dead: 1, failed: 1 });
  await run.line(/new dead letter.*:record:taken holds a string, not a hash: the result cannot be recorded/);
  expect(await group.raw.get(foreign)).toBe('of another program');
  await group.raw.del(foreign);
  expect((await cgroup(['dead', 'retry', '--all', ...group.flags]).exit).code).toBe(0);
  await until(async () => (await group.read()).counters.processed === 3);
  await expectHashes(group);
  expect((await run.kill()).code).toBe(0);
});

test('messages of one key in one entry, from a time without the record, are recorded each', async () => {
  const before = await keyedGroup(redis.namespace());
  const group = await groupOn(redis.url, before.space);
  await before.relay(Array.from({ length: 300 }, (_, i) => ({ message_id: `m${i}`, k: 'hot' })));
  const { entries } = await before.readUnits('a');
  const results = entries.map(({ id, key, message }) => {
    const held = { entryId: id, inboxId: id, consumerId: 'a', key };
    return { ...held, messageId: 'm0', data: String(message), startedAt: 1, finishedAt: 2 };
  });
  await before.consumerStore.commit(results, 0);
  expect(await before.raw.hget(before.keys.counters, 'packed')).toBe('250');
  const run = await group.start([...RECORD, ...KEY]);
  await settled(group, 300);
  const ids = Array.from({ length: 300 }, (_, i) => `m${i}`);
  expect((await group.outputs()).map(({ messageId }) => messageId)).toEqual(ids);
  const hashes = await hashesIn(group);
  expect([...hashes.keys()].sort()).toEqual(ids.slice(1).sort());
  for (const { messageId, inboxId, data } of (await group.outputs()).slice(1))
    expect(hashes.get(messageId)).toMatchObject({ inbox_id: inboxId, data: JSON.stringify(data) });
  expect((await run.kill()).code).toBe(0);
});

test('what goes with PostgreSQL only is refused at the start', async () => {
  const group = await groupOn(redis.url);
  for (const flags of [
    ['--record-table', 'results'],
    ['--record-sql', 'x.sql'],
  ]) {
    const run = cgroup(['start', ...group.flags, ...RECORD, ...flags]);
    expect((await run.exit).code).toBe(2);
    expect(run.stderr()).toMatch(/record-(table|sql).*needs a record in PostgreSQL, not in Redis/);
  }
});

test('the doctor says where the record is, and a user with its rights records', async () => {
  const group = await groupOn(redis.url);
  const doctor = cgroup(['doctor', ...group.flags, ...RECORD, '--json']);
  await doctor.exit;
  const { findings, acl } = JSON.parse(doctor.stdout()) as {
    findings: { check: string; status: string; what: string }[];
    acl: string;
  };
  expect(findings.find(({ check }) => check === 'record')).toMatchObject({
    status: 'ok',
    what: `results are recorded in Redis, a hash for each message: ${group.keys.record}:MESSAGE_ID`,
  });
  const name = `u${Math.random().toString(36).slice(2)}`;
  const url = redis.url.replace('//', `//${name}:pass@`);
  // A user who may do all, but not with the keys of the hashes.
  const all = Object.values(group.keys).map((key) => `~${key}`);
  await group.raw.call('ACL', 'SETUSER', name, 'on', '>pass', '+@all', '&*', ...all);
  const lacking = cgroup(['doctor', ...group.flags, '--redis', url, ...RECORD]);
  expect((await lacking.exit).code).toBe(1);
  expect(lacking.stdout()).toContain(`${group.keys.record}:*`);
  await group.raw.call('ACL', 'DELUSER', name);
  const rules = acl
    .replace(/^.*ACL SETUSER \S+ /, '')
    .split(' ')
    .map((rule) => rule.replace(/^'|'$/g, '').replace('PASSWORD', 'pass'));
  await group.raw.call('ACL', 'SETUSER', name, ...rules);
  const run = await group.start([...RECORD, '--redis', url, '--order', 'total']);
  await group.publish(['a', 'b']);
  await group.settled(2);
  await expectHashes(group);
  expect((await run.kill()).code).toBe(0);
});
