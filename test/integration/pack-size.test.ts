import { describe, expect, test } from 'vitest';
import type { ProcessReport } from '../../src/core/control.js';
import { withRedis } from '../helpers/redis.js';
import { openStores, type Stores } from '../helpers/stores.js';

const redis = withRedis();
const LONG = 60_000;

/** What a process says: one without a pack size is of an older version. */
function reportOf(id: string, packSize?: number, more: Partial<ProcessReport> = {}): ProcessReport {
  const counts = { capacity: 8, consumers: 0, settled: 0, busyMs: 0 };
  return { id, host: 'h', pid: 1, managed: true, ...counts, ...(packSize && { packSize }), ...more };
}

/** The orders that a process gets. */
async function beat(stores: Stores, id: string, packSize?: number, more: Partial<ProcessReport> = {}) {
  const { packSize: most, older } = await stores
    .registryOf(id, 'h')
    .beat(reportOf(id, packSize, more), [], [], LONG);
  return { packSize: most, older };
}

describe('the size of packs', () => {
  test.each([true, false])('is the least that a live process can take, managed: %s', async (managed) => {
    const stores = await openStores(redis.namespace());
    expect(await beat(stores, 'a', 250, { managed })).toEqual({ packSize: 250, older: false });
    expect(await beat(stores, 'b', 31, { managed })).toEqual({ packSize: 31, older: false });
    expect(await beat(stores, 'c', 90, { managed: !managed })).toEqual({ packSize: 31, older: false });
    expect(await beat(stores, 'a', 250, { managed })).toEqual({ packSize: 31, older: false });
    await stores.registryOf('b', 'h').beat(undefined, [], [], LONG);
    expect(await beat(stores, 'a', 250, { managed })).toEqual({ packSize: 90, older: false });
  });

  test('is 1 while a process of an older version is live, also for one that stops', async () => {
    const stores = await openStores(redis.namespace());
    await beat(stores, 'old');
    expect(await beat(stores, 'new', 120)).toEqual({ packSize: 1, older: true });
    const ending = await stores.registryOf('ending', 'h').beat(undefined, [], [], LONG);
    expect(ending).toMatchObject({ packSize: 1, older: true });
    const { raw, keys } = stores;
    const record = String(await raw.hget(keys.processes, 'old'));
    await raw.hset(keys.processes, 'old', record.replace(/\d+/, String(Date.now() - 2 * LONG)));
    expect(await beat(stores, 'new', 120)).toEqual({ packSize: 120, older: false });
  });

  test('is 1 if no process has reported', async () => {
    const { registry } = await openStores(redis.namespace());
    expect(await registry.beat(undefined, ['a'], [], LONG)).toMatchObject({ packSize: 1, older: false });
  });

  test.each(['"many"', '-4', '0', '1.5', 'null', '1e3', '99999999999999999999'])(
    'is 1 if a process says a foreign one: %s',
    async (said) => {
      const stores = await openStores(redis.namespace());
      const { raw, keys } = stores;
      await beat(stores, 'a', 7);
      const record = String(await raw.hget(keys.processes, 'a'));
      await raw.hset(keys.processes, 'a', record.replace('"packSize":7', `"packSize":${said}`));
      expect((await beat(stores, 'b', 200)).packSize).toBe(1);
    },
  );

  test('does not depend on other outputs, other names, or records that no process wrote', async () => {
    const space = { ...redis.namespace(), output: `out "${'ä'}"/\\` };
    const stores = await openStores(space);
    const other = await openStores({ ...space, output: `${space.output}"` });
    await beat(other, 'foreign');
    await beat(other, 'slow', 2);
    await beat(other, '"output":"', undefined, { host: JSON.stringify({ output: space.output }) });
    const { raw, keys } = stores;
    const record = JSON.stringify({ report: { ...reportOf('b'), output: space.output } });
    await raw.hset(keys.processes, { timeless: record, text: 'text' });
    expect(await beat(stores, 'a', 64)).toEqual({ packSize: 64, older: false });
    expect((await beat(stores, 'b', 40)).packSize).toBe(40);
  });

  test('is shown with the process that says it', async () => {
    const stores = await openStores(redis.namespace());
    await beat(stores, 'new', 33);
    await beat(stores, 'old');
    const sizes = (await stores.control.processes()).map(({ id, packSize }) => [id, packSize]);
    expect(sizes).toEqual([
      ['new', 33],
      ['old', undefined],
    ]);
  });
});
