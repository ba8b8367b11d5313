import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { ConsumerGroup, type GroupOptions } from '../../src/group/consumer-group.js';
import { GroupClient } from '../../src/observe/client.js';
import { publish } from '../../src/publish/publisher.js';
import type { LaneReader } from '../../src/redis/group-inspector.js';
import { keysOf } from '../../src/redis/keys.js';
import { type Verification, verify } from '../../src/verify/verify.js';
import { cgroup } from '../helpers/cli.js';
import { type Namespace, withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const folder = mkdtempSync(join(tmpdir(), 'cgroup-verify-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newPath = () => join(folder, `${++files}.txt`);

/** A group that runs until the test has ended, a raw connection to spoil its keys, and a client. */
async function runningGroup(options: GroupOptions = {}) {
  const space = redis.namespace();
  const group = new ConsumerGroup({ ...space, size: 2, ...options });
  onTestFinished(() => group.stop());
  await group.start();
  const raw = new Redis(space.redis);
  onTestFinished(() => raw.disconnect());
  const client = await GroupClient.connect(space);
  onTestFinished(() => client.close());
  return { space, group, raw, client, keys: keysOf({ ...group.settings }) };
}

function publishTo({ redis: url, channel }: Namespace, count: number, ledger?: string) {
  const plan = { count, rate: undefined, duration: undefined, batch: 100 };
  return publish({ redis: url, channel, plan, ledger });
}

async function settled(client: GroupClient, relayed: number): Promise<void> {
  await until(async () => {
    const { counters, backlog } = await client.inspector.read();
    return counters.relayed === relayed && backlog === 0;
  });
}

/** What `cgroup verify --json` says of a group, and its exit code. */
async function runVerify(
  space: Namespace,
  ...more: string[]
): Promise<{ code: number | null; result: Verification }> {
  const run = cgroup(['verify', ...flags(space), '--json', ...more]);
  const { code } = await run.exit;
  return { code, result: JSON.parse(run.stdout()) as Verification };
}

function flags({ redis: url, channel, output, consumerList }: Namespace): string[] {
  return ['--redis', url, '--channel', channel, '--output', output, '--consumer-list', consumerList];
}

const OK = { ok: true, lost: 0, doubled: 0, unexpected: 0 };

describe('verify', () => {
  test('finds nothing wrong with a group that has done its work, and each change to its output', async () => {
    const { space, raw, client } = await runningGroup();
    const ledger = newPath();
    await publishTo(space, 500, ledger);
    await settled(client, 500);

    const clean = cgroup(['verify', ...flags(space), '--ledger', ledger]);
    expect(await clean.exit).toMatchObject({ code: 0 });
    expect(clean.stdout()).toContain(
      'every message once: 500 relayed = 500 processed + 0 dead + 0 backlog\n',
    );
    expect(clean.stderr()).toBe('');

    const [[id, fields]] = (await raw.xrange(space.output, '-', '+', 'COUNT', 1)) as [[string, string[]]];
    await raw.xadd(space.output, '*', ...fields);
    const doubled = { ok: false, doubled: 1, lost: 0, unexpected: 0 };
    expect(await runVerify(space)).toMatchObject({ code: 1, result: doubled });
    expect(await runVerify(space, '--ledger', ledger)).toMatchObject({
      code: 1,
      result: { ...doubled, ledger: 500, examples: { doubled: [fields[1]] } },
    });

    await raw.xdel(space.output, id, (await raw.xrevrange(space.output, '+', '-', 'COUNT', 1))[0]?.[0] ?? '');
    const lost = { ok: false, lost: 1, doubled: 0, unexpected: 0, lostInGaps: 0 };
    expect(await runVerify(space)).toMatchObject({ code: 1, result: lost });
    expect(await runVerify(space, '--ledger', ledger)).toMatchObject({
      code: 1,
      result: { ...lost, examples: { lost: [fields[1]] } },
    });

    await raw.xadd(space.output, '*', ...fields);
    await raw.xadd(space.output, '*', 'message_id', 'foreign', 'data', '{}');
    const unexpected = { ok: false, unexpected: 1, lost: 0, doubled: 0 };
    expect(await runVerify(space)).toMatchObject({ code: 1, result: unexpected });
    expect(await runVerify(space, '--ledger', ledger)).toMatchObject({
      code: 1,
      result: { ...unexpected, examples: { unexpected: ['foreign'] } },
    });

    const text = cgroup(['verify', ...flags(space), '--ledger', ledger]);
    expect(await text.exit).toMatchObject({ code: 1 });
    expect(text.stdout()).toMatch(/NOT every message once: 1 unexpected\n\nunexpected:\n.*\n {4}foreign\n$/);
  });

  test('counts dead letters, and those that are revived or purged', async () => {
    let broken = true;
    const { space, client, raw, keys } = await runningGroup({
      maxAttempts: 1,
      processor: (message) => {
        if (broken && String(message.message_id).startsWith('b')) throw new Error('broken');
        return message;
      },
    });
    const ids = ['a1', 'b1', 'a2', 'b2', 'b3'];
    const ledger = newPath();
    writeFileSync(ledger, ids.join('\r\n'));
    for (const id of ids) await raw.publish(space.channel, JSON.stringify({ message_id: id }));
    await raw.publish(space.channel, 'no JSON');
    await settled(client, 6);
    const look = (ledgers: string[] = [ledger]) => verify(client.inspector, { ledgers });
    expect(await look()).toMatchObject({ ...OK, relayed: 6, processed: 2, dead: 4, backlog: 0, ledger: 5 });

    broken = false;
    const letters = await raw.xrange(keys.dead, '-', '+');
    // Several consumers write them, in any order.
    const letterOf = (id: string) =>
      letters.find(([, fields]) => fields.join(' ').includes(`"${id}"`))?.[0] ?? '';
    expect(await client.inspector.revive([letterOf('b1')])).toHaveLength(1);
    await settled(client, 6);
    expect(await look()).toMatchObject({ ...OK, relayed: 6, processed: 3, dead: 3 });

    await raw.xdel(keys.dead, letterOf('b2'));
    expect(await look()).toMatchObject({ ok: false, lost: 1, examples: { lost: ['b2'] } });
    expect(await look([])).toMatchObject({ ok: false, lost: 1 });

    expect(await client.inspector.purge((await client.inspector.read()).lastDead)).toBe(2);
    // The ledger finds b2 and b3 nowhere, and both may be among the purged: only the counters show that one is lost.
    expect(await look()).toMatchObject({ ok: false, lost: 1, purged: 2, untraceable: 2 });
  });

  test('takes a backlog for no failure, with or without a ledger', async () => {
    const { space, client, raw } = await runningGroup({
      size: 1,
      processor: async (message, { signal }) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        return message;
      },
      shutdownTimeout: '500ms',
    });
    const ledger = newPath();
    await publishTo(space, 20, ledger);
    await until(async () => (await client.inspector.read()).counters.relayed === 20);
    const run = cgroup(['verify', ...flags(space), '--ledger', ledger]);
    expect(await run.exit).toMatchObject({ code: 0 });
    expect(run.stdout()).toContain('0 processed + 0 dead + 20 backlog');
    expect(run.stdout()).toContain('20 messages are not settled yet: verify again');

    // A waiting entry is deleted by hand.
    const { inbox } = keysOf(space);
    const [entry] = await raw.xrevrange(inbox, '+', '-', 'COUNT', 1);
    await raw.xdel(inbox, entry?.[0] ?? '');
    expect(await runVerify(space)).toMatchObject({ code: 1, result: { lost: 1, backlog: 19 } });
    expect(await runVerify(space, '--ledger', ledger)).toMatchObject({
      code: 1,
      result: { lost: 1, backlog: 19 },
    });
  });

  test('finds nothing wrong with a group at work', async () => {
    const { space, client } = await runningGroup();
    const ledger = newPath();
    const plan = { count: 20_000, rate: 20_000, duration: undefined, batch: 200 };
    const publishing = publish({ ...space, plan, ledger });
    let published = false;
    void publishing.finally(() => {
      published = true;
    });
    let looks = 0;
    while (!published) {
      expect(await verify(client.inspector)).toMatchObject(OK);
      looks++;
    }
    expect(looks).toBeGreaterThan(0);
    await publishing;
    // Some messages may not be relayed yet.
    expect(await verify(client.inspector, { ledgers: [ledger] })).toMatchObject({ ...OK, ledger: 20_000 });
    await settled(client, 20_000);
    expect(await runVerify(space, '--ledger', ledger)).toMatchObject({
      code: 0,
      result: { processed: 20_000, backlog: 0 },
    });
  });

  test('adds up several ledgers, and counts messages that none of them lists', async () => {
    const { space, client } = await runningGroup();
    const [one, two] = [newPath(), newPath()];
    await publishTo(space, 30, one);
    await publishTo(space, 40, two);
    await settled(client, 70);
    expect(await runVerify(space, '--ledger', one, '--ledger', two)).toMatchObject({
      code: 0,
      result: { ...OK, ledger: 70 },
    });
    // Others may publish too: their messages are counted as unexpected, but are no failure.
    expect(await runVerify(space, '--ledger', one)).toMatchObject({
      code: 0,
      result: { ok: true, unexpected: 40, lost: 0 },
    });
    const again = newPath();
    copyFileSync(one, again);
    expect(await runVerify(space, '--ledger', one, '--ledger', again, '--ledger', two)).toMatchObject({
      code: 1,
      result: { ledger: 100, lost: 30 },
    });
  });

  test('counts the trimmed results of a ledger as untraceable', async () => {
    const { space, client } = await runningGroup({ outputMaxLen: 100 });
    const ledger = newPath();
    await publishTo(space, 1_000, ledger);
    await settled(client, 1_000);
    const { counters } = await client.inspector.read();
    expect(counters.trimmed).toBeGreaterThan(0);
    const result = await verify(client.inspector, { ledgers: [ledger] });
    expect(result).toMatchObject({ ...OK, trimmed: counters.trimmed, untraceable: counters.trimmed });
    const run = cgroup(['verify', ...flags(space), '--ledger', ledger]);
    expect(await run.exit).toMatchObject({ code: 0 });
    expect(run.stdout()).toContain(
      `${counters.trimmed} results were trimmed: the ledger cannot be compared completely`,
    );
  });

  test('finds messages that were published without a bridge to be lost in a gap', async () => {
    const { space, group, client, raw } = await runningGroup();
    const [before, after] = [newPath(), newPath()];
    await publishTo(space, 50, before);
    await settled(client, 50);
    await group.stop();
    const missed = Array.from({ length: 7 }, (_, i) => `missed${i}`);
    for (const id of missed) await raw.publish(space.channel, JSON.stringify({ message_id: id }));
    const again = new ConsumerGroup({ ...space, size: 1 });
    onTestFinished(() => again.stop());
    await again.start();
    await publishTo(space, 50, after);
    await settled(client, 100);

    const ledger = newPath();
    const { inspector } = client;
    const [lane] = inspector.lanes as [LaneReader];
    const ids: string[] = [];
    for await (const { messageId } of lane.output(await lane.readWithEnd())) ids.push(String(messageId));
    writeFileSync(ledger, [...ids.slice(0, 50), ...missed, ...ids.slice(50)].join('\n'));
    expect(await verify(inspector)).toMatchObject({ ...OK, gaps: 1 });
    expect(await verify(inspector, { ledgers: [ledger] })).toMatchObject({
      ok: false,
      lost: 7,
      lostInGaps: 7,
      byCounters: { lost: 0 },
    });
    const run = cgroup(['verify', ...flags(space), '--ledger', ledger]);
    expect(await run.exit).toMatchObject({ code: 1 });
    expect(run.stdout()).toMatch(/7 were published in a gap.*\n {4}missed\d\n/);
  });

  test('finds nothing in a missing group, and refuses a missing ledger', async () => {
    const space = redis.namespace();
    const nothing = cgroup(['verify', ...flags(space)]);
    expect(await nothing.exit).toMatchObject({ code: 1 });
    expect(nothing.stderr()).toContain('nothing to verify');
    expect(nothing.stderr()).toContain('--output');
    expect(await runVerify(space)).toMatchObject({ code: 1, result: { ...OK, relayed: 0, ok: false } });
    const path = join(folder, 'none.txt');
    const missing = cgroup(['verify', ...flags(space), '--ledger', path]);
    expect(await missing.exit).toMatchObject({ code: 1 });
    expect(missing.stderr()).toContain(`cannot read the ledger ${path}`);
    expect(missing.stdout()).toBe('');
  });
});
