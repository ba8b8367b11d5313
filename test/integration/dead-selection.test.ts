import { describe, expect, test } from 'vitest';
import { DeadLetters } from '../../src/observe/dead-letters.js';
import { cgroup } from '../helpers/cli.js';
import { type HaltingGroup, haltingGroup } from '../helpers/halts.js';
import { withRedis } from '../helpers/redis.js';
import { openStores, type Stores } from '../helpers/stores.js';
import { onTerminal } from '../helpers/terminal.js';

const redis = withRedis();

interface Letter {
  readonly reason?: string;
  readonly error?: string;
  /** ms ago. */
  readonly ago?: number;
}

/** Writes dead letters as a group does, the oldest first; returns their ids. */
async function bury({ raw, keys }: Stores, letters: readonly Letter[], previewed = true): Promise<string[]> {
  const now = Date.now();
  const pipeline = raw.pipeline();
  const ids = letters.map(({ reason = 'failed', error = 'broken', ago = 0 }, i) => {
    const id = `${now - ago}-${i + 1}`;
    const fields = [
      'reason',
      reason,
      'error',
      error,
      'attempts',
      5,
      'consumer_id',
      'a',
      'inbox_id',
      `1-${i}`,
    ];
    const message = JSON.stringify({ message_id: `m${i}` });
    pipeline.xadd(keys.dead, id, 'message', message, ...fields);
    if (previewed) pipeline.xadd(keys.previews, id, 'message', message, 'bytes', message.length, ...fields);
    return id;
  });
  pipeline.hincrby(keys.counters, 'relayed', letters.length);
  pipeline.hincrby(keys.counters, 'dead', letters.length);
  await pipeline.exec();
  return ids;
}

const OUTAGE = 'connect ECONNREFUSED 10.0.0.1:80';
const MIXED: readonly Letter[] = [
  { reason: 'failed', error: OUTAGE, ago: 7_200_000 },
  { reason: 'timeout', error: 'no result within 60s', ago: 3_600_000 },
  { reason: 'failed', error: OUTAGE, ago: 60_000 },
  { reason: 'invalid-json', error: 'no JSON', ago: 50_000 },
  { reason: 'failed', error: 'no such account 17', ago: 40_000 },
  { reason: 'failed', error: 'no such account 18', ago: 30_000 },
];

describe.each([true, false])('dead letters, with previews: %s', (previewed) => {
  test('are selected, listed, sent back, counted and deleted by the same conditions', async () => {
    const stores = await openStores(redis.namespace());
    const ids = await bury(stores, MIXED, previewed);
    const deadLetters = new DeadLetters(stores.inspector);
    const at = (...numbers: number[]) => numbers.map((n) => ids[n]);
    const account = { reason: 'failed', error: 'Such Account', since: '10m' };

    expect(await deadLetters.select()).toEqual(ids);
    expect(await deadLetters.select(account)).toEqual(at(4, 5));
    expect(await deadLetters.select({ since: '2m', limit: 3 })).toEqual(at(3, 4, 5));
    expect(await deadLetters.select({ reason: 'failed', limit: 3 })).toEqual(at(2, 4, 5));
    expect(await deadLetters.select({ halted: true })).toEqual([]);
    const listed = await deadLetters.list({ ...account, limit: 1 });
    expect(listed).toEqual([expect.objectContaining({ id: ids[5], message: '{"message_id":"m5"}' })]);
    expect((await deadLetters.groups()).map(({ count, error }) => [count, error])).toEqual([
      [2, 'no such account 18'],
      [2, OUTAGE],
      [1, 'no JSON'],
      [1, 'no result within 60s'],
    ]);
    expect(await deadLetters.groups({ reason: 'failed', limit: 1 })).toHaveLength(1);
    await expect(deadLetters.select({ since: 'soon' })).rejects.toMatchObject({ code: 'SETTINGS' });

    const sent: number[][] = [];
    const outage = await deadLetters.select({ error: 'econnrefused' });
    expect(await deadLetters.retry(outage, (...progress) => sent.push(progress))).toEqual(at(0, 2));
    expect(sent).toEqual([[2, 2]]);
    expect(await deadLetters.purge(await deadLetters.select(account))).toEqual(at(4, 5));
    // Sent twice, and ids of others.
    expect(await deadLetters.purge([...at(4, 3), '1-1'] as string[])).toEqual(at(3));
    expect(await deadLetters.purge([])).toEqual([]);
    await expect(deadLetters.purge(['no id'])).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await deadLetters.select()).toEqual(at(1));
    const { counters } = await stores.inspector.read();
    expect(counters).toMatchObject({ relayed: 6, dead: 4, purged: 3, revived: 2 });
    expect(await stores.raw.xlen(stores.keys.previews)).toBe(previewed ? 1 : 0);
  });
});

test('many dead letters are read page by page', async () => {
  const stores = await openStores(redis.namespace());
  const ids = await bury(
    stores,
    Array.from({ length: 2_500 }, (_, i) => ({ error: `no order ${i}${'x'.repeat(1_000)}`, ago: 2_500 - i })),
  );
  const deadLetters = new DeadLetters(stores.inspector);
  expect(await deadLetters.select({ error: 'no order 1000x' })).toEqual([ids[1_000]]);
  expect(await deadLetters.select({ error: 'no order', limit: 2_100 })).toEqual(ids.slice(400));
  expect(await deadLetters.groups()).toMatchObject([{ count: 2_500, id: ids.at(-1) }]);
  expect(await deadLetters.purge(ids.slice(0, 1_200))).toHaveLength(1_200);
  expect(await deadLetters.select()).toEqual(ids.slice(1_200));
});

describe('with onDead halt', () => {
  /** A group in total order that waits for two of three dead letters. */
  async function halted(): Promise<[HaltingGroup, DeadLetters, string[]]> {
    const group = await haltingGroup(redis.namespace(), 'total');
    const entries = await group.hold('1', '2', '3');
    const [first, last] = await group.bury(...entries.slice(0, 2));
    await group.commit(...entries.slice(2));
    return [group, new DeadLetters(group.inspector), [first as string, last as string]];
  }

  test('those are selected that stop the order', async () => {
    const [group, deadLetters, ids] = await halted();
    const skipping = await group.storeAs(redis.url, false);
    const [other] = await group.hold('4');
    await skipping.bury([group.letterOf(other as never)], 0);
    expect(await deadLetters.select({ halted: true })).toEqual(ids);
    expect(await deadLetters.select({ halted: true, limit: 1 })).toEqual(ids.slice(1));
    expect(await deadLetters.select()).toHaveLength(3);
    const all = await deadLetters.select();
    expect(await deadLetters.count(all)).toEqual({ count: 3, halted: 2, newest: all[2] });
  });

  test('purge of some gives up their places', async () => {
    const [group, deadLetters, ids] = await halted();
    expect(await deadLetters.purge(ids.slice(0, 1))).toEqual(ids.slice(0, 1));
    expect(await group.output()).toEqual([]);
    expect(await group.halted()).toMatchObject([{ deadId: ids[1] }]);
    await deadLetters.purge(ids.slice(1));
    await group.letOut();
    expect(await group.output()).toEqual(['3']);
  });
});

describe('the commands', () => {
  async function dead(space: ReturnType<typeof redis.namespace>, ...args: string[]) {
    const { output, channel, consumerList } = space;
    const flags = [
      '--redis',
      space.redis,
      '--output',
      output,
      '--channel',
      channel,
      '--consumer-list',
      consumerList,
    ];
    const run = cgroup(['dead', ...args, ...flags]);
    const { code } = await run.exit;
    return { code, stdout: run.stdout(), stderr: run.stderr(), flags };
  }

  test('list some, count them by error, send them back and delete them', { timeout: 60_000 }, async () => {
    const space = redis.namespace();
    const stores = await openStores(space);
    const ids = await bury(stores, MIXED);
    const some = await dead(space, 'list', '--reason', 'failed', '--error', 'ACCOUNT', '--limit', '1');
    expect(some.stdout).toContain('no such account 18');
    expect(some.stdout).not.toContain('no such account 17');
    expect(some.stdout).toContain('the newest 1 of them; --limit shows more');
    expect((await dead(space, 'list', '--since', '1s')).stdout).toBe('no such dead letters\n');
    const listed = JSON.parse((await dead(space, 'list', '--error', 'refused', '--json')).stdout);
    expect(listed.map(({ id }: { id: string }) => id)).toEqual([ids[2], ids[0]]);
    const groups = JSON.parse((await dead(space, 'list', '--group', '--json')).stdout);
    expect(groups[0]).toMatchObject({ count: 2, reason: 'failed', error: 'no such account 18', id: ids[5] });
    expect((await dead(space, 'list', '--group')).stdout).toMatch(
      /^2 +failed +no such account 18 +\S+Z +\S+Z +\d+-6$/m,
    );

    // With a name it is a setting.
    const other = await dead(space, 'list', '--group', 'other', '--json', '--group');
    expect(JSON.parse(other.stdout)).toHaveLength(4);
    expect(other.stderr).toContain('--group');
    expect(JSON.parse((await dead(space, 'list', '--group', 'cgroup', '--json')).stdout)).toHaveLength(6);

    const retried = await dead(space, 'retry', '--error', 'refused', '--since', '2m', '--json');
    expect(retried).toMatchObject({ code: 0, stdout: '{"retried":1}\n' });
    const purged = await dead(space, 'purge', '--reason', 'invalid-json');
    expect(purged).toMatchObject({ code: 0, stdout: 'deleted 1 dead letter\n' });
    const missing = await dead(space, 'purge', String(ids[0]), '1-1');
    expect(missing).toMatchObject({ code: 1, stdout: 'deleted 1 dead letter\n' });
    expect(missing.stderr).toContain('there is no dead letter 1-1');
    expect((await dead(space, 'skip', '--reason', 'failed')).stdout).toContain('skipped none');
    expect(await new DeadLetters(stores.inspector).select()).toEqual([ids[1], ids[4], ids[5]]);
    const all = await dead(space, 'purge', '--all', '--json');
    expect(all.stdout).toBe('{"purged":3}\n');
  });

  test('purge of some asks on a terminal how many', { timeout: 60_000 }, async () => {
    const space = redis.namespace();
    const stores = await openStores(space);
    await bury(stores, MIXED);
    const { flags } = await dead(space, 'list');
    const run = onTerminal(['dead', 'purge', '--reason', 'failed', '--limit', '3', ...flags]);
    await run.shows(/^Delete 3 dead letters of messages:processed:\S+ for good\? \[y\/N\]/);
    run.type('y\r');
    expect(await run.exit).toEqual({ code: 0, restored: true });
    expect(await stores.raw.xlen(stores.keys.dead)).toBe(3);
  });

  test.each([
    ['retry'],
    ['retry', '1-1', '--all'],
    ['retry', '1-1', '--reason', 'failed'],
    ['skip', '--all', '--limit', '1'],
    ['purge', '--all', '--since', '1m'],
    ['retry', '--reason', 'nonsense'],
    ['list', '--error', ''],
    ['list', '--since', 'tomorrow'],
    ['retry', '--limit', '0'],
  ])('refuse %s %s %s %s', async (...args) => {
    const { code, stdout, stderr } = await dead(redis.namespace(), ...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/--all|Allowed choices|must be/);
  });
});
