import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import type { Message } from '../../src/core/message.js';
import { ConsumerGroup, type GroupOptions } from '../../src/group/consumer-group.js';
import { GroupClient } from '../../src/observe/client.js';
import { waitingMessages } from '../../src/observe/peek.js';
import { Inspector } from '../../src/redis/inspect.js';
import { cgroup } from '../helpers/cli.js';
import { withCluster } from '../helpers/cluster.js';
import { groupWithLanes, type TestLane } from '../helpers/lanes.js';
import { namespaceOn } from '../helpers/redis.js';
import { flagsOf } from '../helpers/running.js';
import { until } from '../helpers/until.js';

const cluster = withCluster({ replicas: 0 });
const folder = mkdtempSync(join(tmpdir(), 'cgroup-lanes-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const url = () => cluster().urls[0] as string;

async function clientOf(space: object) {
  const client = await GroupClient.connect(space);
  onTestFinished(() => client.close());
  return client;
}

/** A group with two lanes: in the first 3 results and a dead letter, in the second a result and 2 messages that wait. */
async function busyGroup() {
  const group = await groupWithLanes(url(), 2);
  const [first, second] = group.lanes as [TestLane, TestLane];
  const [a, b, c, d] = await first.relay('a', 'b', 'c', 'd');
  await first.commit(a as never, b as never, c as never);
  await first.bury([d as never]);
  const [e] = await second.relay('e', 'f', 'g');
  await second.commit(e as never);
  return { ...group, first, second, client: await clientOf(group.space) };
}

test('a client finds the lanes by itself, and adds up what they hold', async () => {
  const { space, keys, base, first, second, client } = await busyGroup();
  await base.call('HINCRBY', keys.counters, 'gaps', 1);
  await base.call('XADD', keys.gaps, '*', 'from', 1_000, 'to', 2_000, 'reason', 'all were away');
  const status = await client.status();
  expect(status).toMatchObject({
    output: space.output,
    ...{ waiting: 0, pending: 2, backlog: 2, retrying: 0, deadLetters: 1 },
    counters: { relayed: 7, processed: 4, dead: 1, gaps: 1 },
    gaps: [{ reason: 'all were away' }],
    lanes: [
      { output: first.keys.output, relayed: 4, processed: 3, dead: 1, backlog: 0, deadLetters: 1 },
      { output: second.keys.output, relayed: 3, processed: 1, dead: 0, backlog: 2, deadLetters: 0 },
    ],
    foreign: [],
  });
  const { relayed, processed, dead } = status.counters;
  expect(relayed).toBe(processed + dead + status.backlog);
  const nodes = await Promise.all([first, second].map(({ keys: { output } }) => cluster().nodeOf(output)));
  expect(status.lanes?.map(({ node }) => node)).toEqual(nodes.map(({ address }) => address));
  expect(status.lagMs).toBeGreaterThan(0);

  const { lanes, ...names } = space;
  const unaware = await clientOf(names);
  expect((await unaware.status()).lanes).toHaveLength(lanes);
  const inspector = unaware.inspector;
  expect((await inspector.totals()).counters).toEqual(status.counters);
  const reading = await inspector.read();
  expect(reading).toMatchObject({ outputLength: 4, outputType: 'stream' });
  expect(Object.fromEntries(reading.processedBy)).toEqual({ 'consumer-0': 3, 'consumer-1': 1 });
  expect(Object.fromEntries(reading.pendingOf)).toEqual({ 'consumer-1': 2 });
});

test('a group with one lane on a Cluster is read as it always was', async () => {
  const client = await clientOf(namespaceOn(url()));
  expect(client.inspector).toBeInstanceOf(Inspector);
  expect(await client.status()).not.toHaveProperty('lanes');
  // What the settings say counts only as long as no group has run.
  const { space, base, keys } = await groupWithLanes(url(), 1);
  const lanesOf = async (names: object) => (await (await clientOf(names)).status()).lanes?.length;
  expect(await lanesOf({ ...space, lanes: 2 })).toBeUndefined();
  expect(await lanesOf({ ...space, output: 'another', lanes: 2 })).toBe(2);
  await base.call('HDEL', keys.bridge, 'lanes');
  expect(await lanesOf({ ...space, lanes: 2 })).toBeUndefined();
});

test('verify compares all lanes with their counters and with the ledger', async () => {
  const { first, second, client } = await busyGroup();
  const ledger = join(folder, 'ids.txt');
  writeFileSync(ledger, 'a\nb\nc\nd\ne\nf\ng\n');
  const right = {
    ok: true,
    relayed: 7,
    processed: 4,
    dead: 1,
    backlog: 2,
    lost: 0,
    doubled: 0,
    unexpected: 0,
  };
  expect(await client.verify()).toMatchObject(right);
  const progress: [number, number][] = [];
  const onProgress = (read: number, total: number) => void progress.push([read, total]);
  expect(await client.verify({ ledgers: [ledger], onProgress })).toMatchObject({ ...right, ledger: 7 });
  expect(progress.at(-1)).toEqual([7, 7]);

  // One message in two lanes: only the ledger can tell.
  const [again] = await second.relay('a');
  await second.commit(again as never);
  expect(await client.verify()).toMatchObject({ ok: true, processed: 5 });
  expect(await client.verify({ ledgers: [ledger] })).toMatchObject({
    ...{ ok: false, doubled: 1, lost: 0 },
    examples: { doubled: ['a'] },
  });
  // A result that another program deletes is missing in its lane.
  const { connection, keys } = first;
  const [[id]] = (await connection.call('XRANGE', keys.output, '-', '+', 'COUNT', 1)) as [[string]];
  await connection.call('XDEL', keys.output, id);
  expect(await client.verify()).toMatchObject({ ok: false, lost: 1, byCounters: { lost: 1, doubled: 0 } });
});

test('inbox ids that two lanes give to two messages are no doubled results', async () => {
  const { lanes, client } = await busyGroup();
  for (const { connection, keys } of lanes) {
    const fields = ['message_id', keys.output, 'consumer_id', 'c', 'inbox_id', '5-0', 'data', '{}'];
    await connection.call('XADD', keys.output, '*', ...fields);
    await connection.call('HINCRBY', keys.counters, 'relayed', 1);
    await connection.call('HINCRBY', keys.counters, 'processed', 1);
  }
  expect(await client.verify()).toMatchObject({ ok: true, processed: 6 });
});

/** A dead letter under a given id. */
async function deadAt({ connection, keys }: TestLane, id: string, error: string) {
  const fields = ['message', `{"message_id":"${error}"}`, 'reason', 'failed', 'error', error];
  const more = ['attempts', '1', 'consumer_id', 'c', 'inbox_id', '5-0'];
  await connection.call('XADD', keys.dead, id, ...fields, ...more);
  await connection.call('XADD', keys.previews, id, ...fields, ...more, 'bytes', '20');
  for (const counter of ['relayed', 'dead']) await connection.call('HINCRBY', keys.counters, counter, 1);
}

test('the messages that wait in all lanes are shown, the oldest first', async () => {
  const { lanes, space } = await groupWithLanes(url(), 3);
  const [one, two, three] = lanes as [TestLane, TestLane, TestLane];
  const add = ({ connection, keys }: TestLane, id: string) =>
    connection.call('XADD', keys.inbox, id, 'message', `{"message_id":"${id}"}`);
  for (const id of ['1000-0', '4000-0', '5000-0']) await add(one, id);
  await add(two, '3000-0');
  for (const id of ['2000-0', '6000-0']) await add(three, id);
  const client = await clientOf(space);
  const found: (string | null)[] = [];
  for await (const { id } of waitingMessages(client.inspector, 5)) found.push(id);
  expect(found).toEqual(['1000-0', '2000-0', '3000-0', '4000-0', '5000-0']);
});

test('dead letters of all lanes: listed in their order, found by their ids, mended in their lane', async () => {
  const { lanes, space } = await groupWithLanes(url(), 3);
  const [one, two, three] = lanes as [TestLane, TestLane, TestLane];
  await deadAt(one, '1000-0', 'first');
  await deadAt(two, '1000-0', 'second');
  await deadAt(three, '900-0', 'before');
  await deadAt(one, '2000-0', 'third');
  await deadAt(three, '3000-1', 'last');
  const { deadLetters, inspector } = await clientOf(space);

  const newestFirst = ['3000-1@2', '2000-0@0', '1000-0@1', '1000-0@0', '900-0@2'];
  const idsOf = (letters: readonly { readonly id: string }[]) => letters.map(({ id }) => id);
  expect(idsOf(await deadLetters.list())).toEqual(newestFirst);
  expect(idsOf(await deadLetters.list({ limit: 2 }))).toEqual(newestFirst.slice(0, 2));
  expect(idsOf(await deadLetters.previews({ limit: 4 }))).toEqual(newestFirst.slice(0, 4));
  expect(await deadLetters.select()).toEqual(newestFirst.toReversed());
  expect(await deadLetters.select({ error: 'second' })).toEqual(['1000-0@1']);
  for (let i = 0; i < newestFirst.length; i++) {
    const page = await inspector.deadLettersBefore(newestFirst[i], 2, 100);
    expect(idsOf(page)).toEqual(newestFirst.slice(i + 1, i + 3));
  }

  expect(await deadLetters.show('1000-0@1')).toMatchObject({ id: '1000-0@1', error: 'second' });
  expect(await deadLetters.show('900-0')).toMatchObject({ id: '900-0@2', error: 'before' });
  expect(await deadLetters.show('900-0@0')).toBeUndefined();
  expect(await deadLetters.show('900-0@7')).toBeUndefined();
  await expect(deadLetters.retry(['1000'])).rejects.toMatchObject({ code: 'NOT_FOUND' });

  // An id that two have is refused; one of its lane is found, and one that only one has.
  const both = { code: 'NOT_FOUND', message: expect.stringContaining('give one of 1000-0@0, 1000-0@1') };
  await expect(deadLetters.purge(['1000-0'])).rejects.toMatchObject(both);
  expect(await deadLetters.purge(['1000-0@1', '900-0@1'])).toEqual(['1000-0@1']);
  const sent: [number, number][] = [];
  expect((await deadLetters.retry(['900-0', '2000-0@0'], (...so) => void sent.push(so))).sort()).toEqual([
    '2000-0@0',
    '900-0',
  ]);
  expect(sent.at(-1)).toEqual([2, 2]);
  expect(await inspector.totals()).toMatchObject({
    backlog: 2,
    counters: { dead: 3, revived: 2, purged: 1 },
    lanes: [{ backlog: 1 }, { backlog: 0 }, { backlog: 1 }],
  });

  // What dies after the question was asked stays, in whichever lane.
  const { count, newest } = await deadLetters.count();
  expect([count, newest]).toEqual([2, '1000-0@0,3000-1@2']);
  await deadAt(one, '2500-0', 'late');
  await deadAt(two, '1001-0', 'late');
  expect(await deadLetters.purge({ through: newest })).toBe(2);
  expect(idsOf(await deadLetters.list())).toEqual(['2500-0@0', '1001-0@1']);
  // Up to one of them: in all lanes, in the order of the list.
  for (const lane of lanes) await deadAt(lane, '4000-0', 'later');
  for (const through of ['4000-0@0099', '4000-0@7'])
    await expect(deadLetters.purge({ through })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect(await deadLetters.purge({ through: '4000-0@1' })).toBe(4);
  expect(idsOf(await deadLetters.list())).toEqual(['4000-0@2']);
  expect(await deadLetters.purge()).toBe(1);
  expect(await deadLetters.list()).toEqual([]);
});

test('pages of dead letters of uneven lanes have all of them once', async () => {
  const { lanes, space } = await groupWithLanes(url(), 3);
  const ids: string[] = [];
  for (let i = 0; i < 60; i++) {
    const lane = i < 40 ? 0 : i % 3;
    await deadAt(lanes[lane] as TestLane, `${1_000 + i}-0`, `e${i}`);
    ids.unshift(`${1_000 + i}-0@${lane}`);
  }
  const { inspector } = await clientOf(space);
  for (const count of [1, 7, 100]) {
    const found: string[] = [];
    for (let before: string | undefined; ; before = found.at(-1)) {
      const page = await inspector.deadLettersBefore(before, count, 100);
      found.push(...page.map(({ id }) => id));
      if (page.length < count) break;
    }
    expect(found).toEqual(ids);
  }
});

test('the commands show and mend all lanes, without being told of them', async () => {
  const { lanes, space } = await groupWithLanes(url(), 2);
  const [first, second] = lanes as [TestLane, TestLane];
  const [a] = await first.relay('a', 'b');
  await first.commit(a as never);
  await deadAt(first, '1000-0', 'first');
  await deadAt(second, '1000-0', 'second');
  const run = async (...args: string[]) => {
    const one = cgroup([...args, ...flagsOf(space)]);
    const { code } = await one.exit;
    return { code, stdout: one.stdout(), stderr: one.stderr() };
  };
  const status = await run('status');
  expect(status.stdout).toMatch(/^lane +node +relayed +processed +dead +backlog +lag$/m);
  for (const { keys } of lanes)
    expect(status.stdout).toContain(`${keys.output}  ${(await cluster().nodeOf(keys.output)).address}`);
  expect(JSON.parse((await run('status', '--json')).stdout)).toMatchObject({
    ...{ backlog: 1, deadLetters: 2 },
    lanes: [{ relayed: 3 }, { relayed: 1 }],
  });
  expect(JSON.parse((await run('verify', '--json')).stdout)).toMatchObject({ ok: true, relayed: 4, dead: 2 });
  const listed = JSON.parse((await run('dead', 'list', '--json')).stdout);
  expect(listed.map(({ id }: { id: string }) => id)).toEqual(['1000-0@1', '1000-0@0']);
  expect(await run('dead', 'purge', '1000-0', '--yes')).toMatchObject({
    ...{ code: 1, stdout: '' },
    stderr: expect.stringContaining('give one of 1000-0@0, 1000-0@1'),
  });
  expect(await run('dead', 'retry', '1000-0@1')).toMatchObject({ code: 0 });
  expect((await run('dead', 'show', '1000-0')).stdout).toContain('1000-0@0');
  expect(await run('dead', 'retry', '1000-0@1')).toMatchObject({ code: 1 });
  expect((await run('dead', 'purge', '--yes', '--json')).stdout).toBe('{"purged":1}\n');
}, 60_000);

test('a running group: 2,000 messages over three lanes are seen, verified and mended as one', async () => {
  const space = { ...namespaceOn(url()), lanes: 3 };
  const processor = (message: Message) => {
    if (String(message.message_id).endsWith('7')) throw new Error('it ends with 7');
    return message;
  };
  const options: GroupOptions = { ...space, size: 2, maxAttempts: 1, http: '127.0.0.1:0', processor };
  const group = new ConsumerGroup(options);
  onTestFinished(() => group.stop());
  await group.start();
  const raw = new Redis(space.redis);
  onTestFinished(() => raw.disconnect());
  const ids = Array.from({ length: 2_000 }, (_, i) => `m${i}`);
  const pipeline = raw.pipeline();
  for (const id of ids) pipeline.publish(space.channel, JSON.stringify({ message_id: id }));
  await pipeline.exec();
  const { lanes: _, ...names } = space;
  const client = await clientOf(names);
  const settledWith = (revived: number) =>
    until(async () => {
      const { counters, backlog } = await client.status();
      return counters.relayed === 2_000 && counters.revived === revived && backlog === 0;
    });
  await settledWith(0);
  const ledger = join(folder, 'running.txt');
  writeFileSync(ledger, `${ids.join('\n')}\n`);
  const right = { ok: true, relayed: 2_000, processed: 1_800, dead: 200, ledger: 2_000, untraceable: 0 };
  expect(await client.verify({ ledgers: [ledger] })).toMatchObject(right);
  const { lanes = [] } = await group.status();
  expect(lanes.map(({ output }) => output)).toEqual([0, 1, 2].map((i) => `${space.output}:{${i}}`));
  expect(Math.min(...lanes.map(({ processed }) => processed ?? 0))).toBeGreaterThan(0);

  const letters = await client.deadLetters.select();
  expect(new Set(letters).size).toBe(200);
  expect(await client.deadLetters.retry(letters.slice(0, 50))).toHaveLength(50);
  await settledWith(50);
  expect(await client.verify({ ledgers: [ledger] })).toMatchObject(right);
  expect(await client.deadLetters.purge()).toBe(200);
  expect(await client.status()).toMatchObject({ deadLetters: 0, counters: { purged: 200 }, foreign: [] });
}, 60_000);
