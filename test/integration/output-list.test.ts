import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { hasCode } from '../../src/core/errors.js';
import type { OutputEntry } from '../../src/redis/output.js';
import { verify } from '../../src/verify/verify.js';
import { cgroup } from '../helpers/cli.js';
import { withRedis } from '../helpers/redis.js';
import { elementOf, pushResults, type WrittenResult } from '../helpers/results.js';
import { openStores, type Stores } from '../helpers/stores.js';

const redis = withRedis();
const LIST = { outputType: 'list', order: 'none' } as const;

/** A group with the output in a list that has relayed and processed some messages. */
async function listGroup(count: number, kind: Parameters<typeof openStores>[1] = LIST) {
  const space = redis.namespace();
  const stores = await openStores(space, kind);
  await stores.raw.hset(stores.keys.counters, 'relayed', count);
  await pushResults(stores, ...resultsUpTo(count));
  const flags = ['--redis', space.redis, '--channel', space.channel, '--output', space.output];
  return { ...stores, space, flags: [...flags, '--consumer-list', space.consumerList] };
}

function resultOf(n: number): WrittenResult {
  return { messageId: `m${n}`, inboxId: `1700000000000-${n}` };
}

function resultsUpTo(count: number): WrittenResult[] {
  return Array.from({ length: count }, (_, i) => resultOf(i + 1));
}

async function readAll({ inspector }: Stores, onEntry: (read: number) => Promise<unknown> | undefined) {
  const entries: OutputEntry[] = [];
  for await (const entry of inspector.output(await inspector.readWithEnd())) {
    entries.push(entry);
    await onEntry(entries.length);
  }
  return entries.map(({ messageId }) => messageId);
}

const OK = { ok: true, lost: 0, doubled: 0, unexpected: 0, taken: 0 };

describe('an output that is a list', () => {
  test('is read in order, with all that its elements say', async () => {
    const stores = await listGroup(3_000);
    const { inspector } = stores;
    expect(await inspector.read()).toMatchObject({
      outputLength: 3_000,
      outputType: 'list',
      order: { kind: 'none' },
    });
    const times = { published: 1, started: 2, finished: 3 };
    await pushResults(stores, { messageId: 'late', inboxId: '5-5', data: { a: 1 }, times });
    await stores.raw.rpush(stores.keys.output, 'foreign', '7', '{"message_id":"x"}', '{"data":{}}');
    const found: OutputEntry[] = [];
    for await (const entry of inspector.output(await inspector.readWithEnd())) found.push(entry);
    expect(found.slice(0, 3_000).map(({ messageId }) => messageId)).toEqual(
      resultsUpTo(3_000).map(({ messageId }) => messageId),
    );
    const [late, ...foreign] = found.slice(3_000);
    expect(late).toMatchObject({
      inboxId: '5-5',
      messageId: 'late',
      times: { publishedAt: 1, startedAt: 2, finishedAt: 3 },
    });
    expect(late?.data()).toEqual({ a: 1 });
    expect(foreign.map(({ inboxId, messageId }) => [inboxId, messageId])).toEqual([
      [undefined, undefined],
      [undefined, undefined],
      [undefined, 'x'],
      [undefined, undefined],
    ]);
  });

  test('is read to its end at the reading, while the group writes and others take from the left', async () => {
    const stores = await listGroup(2_000);
    const { raw, keys } = stores;
    let next = 2_000;
    const found = await readAll(stores, async (read) => {
      if (read % 100 !== 0) return;
      await pushResults(stores, resultOf(++next));
      await raw.lpop(keys.output);
    });
    expect(new Set(found).size).toBe(found.length);
    expect(found.at(-1)).toBe('m2000');
    expect(found.length).toBe(2_000);
    // What is taken before it is read is passed over, and nothing is read twice.
    const rest = await readAll(stores, (read) => (read === 1 ? raw.lpop(keys.output, 500) : undefined));
    expect(new Set(rest).size).toBe(rest.length);
    expect(rest.at(-1)).toBe(`m${next}`);
    expect(rest.length).toBeGreaterThan(1_400);
    expect(rest.length).toBeLessThan(1_600);
  });

  test.each([
    ['from the right', (stores: Stores) => stores.raw.rpop(stores.keys.output)],
    ['all but a few from the right', (stores: Stores) => stores.raw.rpop(stores.keys.output, 1_995)],
    [
      'from the middle, behind what is read',
      (stores: Stores) => stores.raw.lrem(stores.keys.output, 1, elementOf(resultOf(1_500))),
    ],
  ])('says so if others take %s while it is read', async (_, take) => {
    const stores = await listGroup(2_000);
    const reading = readAll(stores, (read) => (read === 1 ? take(stores) : undefined));
    await expect(reading).rejects.toSatisfy((error) => hasCode(error, 'STALE'));
    await expect(reading).rejects.toThrow(/take results from its left side only/);
  });

  test('ends where others took all of it while it was read', async () => {
    const stores = await listGroup(2_000);
    const found = await readAll(stores, (read) =>
      read === 1 ? stores.raw.del(stores.keys.output) : undefined,
    );
    expect(found.length).toBeLessThan(20);
  });

  test('is read though another program spoiled the counters', async () => {
    const stores = await listGroup(50);
    await stores.raw.hset(stores.keys.counters, 'processed', 'foreign');
    expect(await readAll(stores, () => undefined)).toHaveLength(50);
    expect(await verify(stores.inspector)).toMatchObject({ ok: false });
  });
});

describe('verify with a list', () => {
  test('finds nothing wrong, and what is doubled, foreign or lost', async () => {
    const { inspector, raw, keys, flags } = await listGroup(500);
    expect(await verify(inspector)).toMatchObject({ ...OK, outputType: 'list', processed: 500 });
    const run = cgroup(['verify', ...flags]);
    expect(await run.exit).toMatchObject({ code: 0 });
    expect(run.stdout()).toContain('every message once: 500 relayed = 500 processed');

    await raw.rpush(keys.output, elementOf(resultOf(1)));
    expect(await verify(inspector)).toMatchObject({ ...OK, ok: false, doubled: 1, taken: 0 });
    await raw.rpop(keys.output);
    await raw.rpush(keys.output, 'foreign');
    expect(await verify(inspector)).toMatchObject({ ...OK, ok: false, unexpected: 1 });
    await raw.rpop(keys.output);
    await raw.hincrby(keys.counters, 'relayed', 2);
    expect(await verify(inspector)).toMatchObject({ ...OK, ok: false, lost: 2 });
  });

  test('does not call lost what others have taken, and says how many', async () => {
    const { inspector, raw, keys, flags } = await listGroup(500);
    await raw.lpop(keys.output, 120);
    expect(await verify(inspector)).toMatchObject({ ...OK, taken: 120 });
    const run = cgroup(['verify', ...flags]);
    expect(await run.exit).toMatchObject({ code: 0 });
    expect(run.stdout()).toMatch(/120 results are not in the list any more: others took them/);
    // The list is gone with its last element: the group has said that it is one.
    await raw.del(keys.output);
    expect(await verify(inspector)).toMatchObject({ ...OK, taken: 500 });
    await raw.hincrby(keys.counters, 'relayed', 1);
    expect(await verify(inspector)).toMatchObject({ ...OK, ok: false, lost: 1, taken: 500 });
  });

  test('counts what outputMaxLen trimmed as trimmed', async () => {
    const { inspector, raw, keys } = await listGroup(500);
    await raw.ltrim(keys.output, 100, -1);
    await raw.hincrby(keys.counters, 'trimmed', 100);
    await raw.lpop(keys.output);
    expect(await verify(inspector)).toMatchObject({ ...OK, trimmed: 100, taken: 1 });
  });

  test('holds it against a ledger', async () => {
    const { inspector, raw, keys } = await listGroup(500);
    const folder = await mkdtemp(join(tmpdir(), 'cgroup-list-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const path = join(folder, 'ids.txt');
    writeFileSync(
      path,
      resultsUpTo(501)
        .map(({ messageId }) => `${messageId}\n`)
        .join(''),
    );
    expect(await verify(inspector, { ledgers: [path] })).toMatchObject({
      ...OK,
      ok: false,
      lost: 1,
      examples: { lost: ['m501'] },
    });
    await raw.lpop(keys.output, 3);
    const result = await verify(inspector, { ledgers: [path] });
    // One of the four may never have been published: nothing can tell.
    expect(result).toMatchObject({ ...OK, ok: false, lost: 1, untraceable: 3, taken: 3 });
  });
});

describe('a group whose output is a list', () => {
  test('is what it was at its start: others are refused while it runs, and doctor and status need no flag', async () => {
    const { space, flags } = await listGroup(5, { ...LIST, order: 'total' });
    const doctor = cgroup(['doctor', ...flags, '--json']);
    await doctor.exit;
    const { findings } = JSON.parse(doctor.stdout()) as { findings: { status: string; check: string }[] };
    const states = Object.fromEntries(findings.map(({ check, status }) => [check, status]));
    expect(states).toMatchObject({ keys: 'ok', 'stream ids': 'ok' });
    const status = cgroup(['status', ...flags, '--json']);
    expect(await status.exit).toMatchObject({ code: 0 });
    expect(JSON.parse(status.stdout())).toMatchObject({ counters: { processed: 5 } });

    await expect(openStores(space)).rejects.toThrow(/holds a list, not a stream; nothing was changed/);
    const { raw, keys } = await openStores(space, { ...LIST, order: 'total' });
    await raw.hset(keys.bridge, 'seat:b', Date.now());
    await expect(openStores(space, LIST)).rejects.toThrow(
      /is the output of a running group with order total/,
    );
    await raw.del(keys.output);
    await expect(openStores(space)).rejects.toThrow(/is the output of a running group with outputType list/);
  });

  test('gets a counter back that another program spoiled, though others took results', async () => {
    const { raw, keys, flags } = await listGroup(50);
    await raw.lpop(keys.output, 20);
    await raw.zadd(keys.parked, 0, 'a', 0, 'b');
    await raw.hset(keys.counters, 'relayed', 52, 'processed', 'foreign');
    const doctor = cgroup(['doctor', ...flags, '--json']);
    await doctor.exit;
    const { findings } = JSON.parse(doctor.stdout()) as { findings: { what: string; mend: string[] }[] };
    const { mend = [] } = findings.find(({ what }) => what.includes('"processed"')) ?? {};
    for (const line of mend) execFileSync('/bin/sh', ['-c', line]);
    expect(await raw.hget(keys.counters, 'processed')).toBe('50');
  });
});
