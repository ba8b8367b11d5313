import { describe, expect, test } from 'vitest';
import type { OutputKind } from '../../src/core/output.js';
import { timeOfId } from '../../src/core/stream-id.js';
import { GroupClient } from '../../src/observe/client.js';
import { cgroup } from '../helpers/cli.js';
import { withRedis } from '../helpers/redis.js';
import { fieldsOf, pushResults, type WrittenResult } from '../helpers/results.js';
import { openStores } from '../helpers/stores.js';

const redis = withRedis();
const AT = 1_700_000_000_000;

/** A group that has written these results in this order, to a stream or a list. */
async function written(kind: OutputKind, results: readonly WrittenResult[]) {
  const space = redis.namespace();
  const stores = await openStores(space, kind);
  const { raw, keys } = stores;
  await raw.hset(keys.counters, 'relayed', results.length);
  // The first message came in when the order began.
  await raw.hset(keys.bridge, 'orderSince', AT);
  if (kind.outputType === 'list') await pushResults(stores, ...results);
  else {
    await raw.hset(keys.counters, 'processed', results.length);
    let at = 0;
    for (const [i, result] of results.entries()) {
      // A result is in the output 7 ms after its attempt, or right behind the one before.
      at = Math.max(at, (result.times?.finished ?? AT) + 7);
      await raw.xadd(keys.output, `${at}-${i + 1}`, ...fieldsOf(result));
    }
  }
  const flags = ['--redis', space.redis, '--channel', space.channel, '--output', space.output];
  return { space, flags: [...flags, '--consumer-list', space.consumerList] };
}

/** Result `n` waited 10 ms and took 20 ms. */
function timed(n: number, more: Partial<WrittenResult> = {}): WrittenResult {
  const inboxId = `${AT + n}-1`;
  const published = timeOfId(inboxId);
  const times = { published, started: published + 10, finished: published + 30 };
  return { messageId: `m${n}`, inboxId, times, ...more };
}

async function run(flags: readonly string[], ...more: string[]) {
  const command = cgroup(['verify', ...flags, ...more]);
  const { code } = await command.exit;
  return { code, stdout: command.stdout(), stderr: command.stderr() };
}

const HUNDRED = Array.from({ length: 100 }, (_, i) => timed(i + 1));
const of = (ms: number) => ({ count: 100, p50: ms, p95: ms, p99: ms, max: ms });

describe('verify --steps', () => {
  test('prints a table, and has the steps as JSON', async () => {
    const { flags, space } = await written({ outputType: 'stream', order: 'total' }, HUNDRED);
    const text = await run(flags, '--steps');
    expect(text).toMatchObject({ code: 0, stderr: '' });
    expect(text.stdout).toContain('every message once, in order: 100 relayed = 100 processed');
    expect(text.stdout).toMatch(
      /\n\nms +count +p50 +p95 +p99 +max\nwaiting +100 +10 +10 +10 +10\nprocessing +100 +20 .*\nparking +100 +7 .*\ntotal +100 +37 .*\n$/,
    );
    const steps = { waiting: of(10), processing: of(20), parking: of(7), total: of(37) };
    expect(JSON.parse((await run(flags, '--steps', '--json')).stdout)).toMatchObject({ ok: true, steps });
    expect(JSON.parse((await run(flags, '--json')).stdout)).toMatchObject({ steps: null, outOfOrder: 0 });
    await using client = await GroupClient.connect(space);
    expect(await client.verify({ steps: true })).toMatchObject({ steps });
  });

  test('has no parking for a list, and says why', async () => {
    const { flags } = await written({ outputType: 'list', order: 'total' }, HUNDRED);
    const { stdout } = await run(flags, '--steps');
    expect(stdout).toMatch(/\ntotal +100 +30 .*\n\nthe output is a list, which does not say when/);
    expect(stdout).not.toMatch(/^parking/m);
    const { steps } = JSON.parse((await run(flags, '--steps', '--json')).stdout) as { steps: unknown };
    expect(steps).toEqual({ waiting: of(10), processing: of(20), total: of(30) });
  });

  test('says what to set if results have no times', async () => {
    const { flags } = await written({ outputType: 'stream', order: 'none' }, [
      { messageId: 'a', inboxId: '1-1' },
    ]);
    const { code, stdout } = await run(flags, '--steps');
    expect(code).toBe(0);
    expect(stdout).toMatch(/no steps: .*set order or record\n$/);
  });
});

describe('verify of an order', () => {
  test.each(['stream', 'list'] as const)(
    'total: names results that left too late, in a %s',
    async (outputType) => {
      const [first, second, third, ...rest] = HUNDRED as [WrittenResult, WrittenResult, WrittenResult];
      const { flags } = await written({ outputType, order: 'total' }, [first, third, second, ...rest]);
      const text = await run(flags);
      expect(text.code).toBe(1);
      expect(text.stdout).toMatch(/^out of order +1$/m);
      expect(text.stdout).toContain('every message once, but NOT in order: 1 out of order');
      expect(text.stdout).toMatch(/\n {2}m2\n|\n {4}m2\n/);
      expect(JSON.parse((await run(flags, '--json')).stdout)).toMatchObject({
        ok: false,
        order: 'total',
        outOfOrder: 1,
        lost: 0,
        doubled: 0,
        examples: { outOfOrder: ['m2'] },
      });
    },
  );

  test('key: only results of one key', async () => {
    const to = (n: number, id: string) => timed(n, { data: { message_id: `m${n}`, customer: { id } } });
    const kind = { outputType: 'list', order: 'key', orderKey: 'customer.id' } as const;
    const right = await written(kind, [to(3, 'a'), to(1, 'b'), to(4, 'a'), to(2, 'b')]);
    expect(JSON.parse((await run(right.flags, '--json')).stdout)).toMatchObject({ ok: true, outOfOrder: 0 });
    const wrong = await written(kind, [to(3, 'a'), to(1, 'b'), to(2, 'a')]);
    const { code, stdout } = await run(wrong.flags);
    expect(code).toBe(1);
    expect(stdout).toMatch(/results left after later ones of their key/);
  });
});
