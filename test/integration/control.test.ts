import { describe, expect, test } from 'vitest';
import type { Control, ProcessReport } from '../../src/core/control.js';
import { withRedis } from '../helpers/redis.js';
import { openStores, type Stores } from '../helpers/stores.js';

const redis = withRedis();
const LONG = 60_000;
const ANNA = { who: 'anna@desk', why: 'by hand' };
const NOTHING_SET: Control = {
  revision: 0,
  size: undefined,
  paused: false,
  autoscale: undefined,
  drained: [],
};

function reportOf(id: string, host: string, more: Partial<ProcessReport> = {}): ProcessReport {
  return { id, host, pid: 1, managed: true, capacity: 64, consumers: 0, settled: 0, busyMs: 0, ...more };
}

/** A process that does what it is told. */
function processOf(stores: Stores, id: string, host: string, more: Partial<ProcessReport> = {}) {
  const registry = stores.registryOf(id, host);
  const process = {
    consumers: 0,
    beat: async (silence = LONG) => {
      const orders = await registry.beat(
        reportOf(id, host, { consumers: process.consumers, ...more }),
        [],
        [],
        silence,
      );
      process.consumers = orders.share ?? process.consumers;
      return orders;
    },
  };
  return process;
}

/** The leading bridge's token. */
async function lead({ bridgeStore }: Stores): Promise<number> {
  const taken = await bridgeStore.take('leader#1', 0, 0);
  if (!taken.taken) throw new Error('the lead cannot be taken');
  return taken.token;
}

describe('the control of a group', () => {
  test('is nothing before the first change, and then what was changed, with an event for each change', async () => {
    const { control } = await openStores(redis.namespace());
    expect(await control.read()).toEqual(NOTHING_SET);
    expect(await control.events()).toEqual([]);
    await control.change({ size: 7 }, ANNA);
    await control.change({ paused: true }, ANNA);
    const rule = { min: 2, max: 90, drainWithin: 15_000 };
    await control.change({ autoscale: rule, drained: ['rack-4'] }, { who: 'ben@desk', why: 'the night' });
    expect(await control.change({ paused: false }, ANNA)).toEqual({
      revision: 4,
      size: 7,
      paused: false,
      autoscale: rule,
      drained: ['rack-4'],
    });
    const events = await control.events();
    expect(events.map(({ revision, who, what }) => [revision, who, what])).toEqual([
      [1, 'anna@desk', 'size not set -> 7'],
      [2, 'anna@desk', 'paused'],
      [3, 'ben@desk', 'autoscale 2 to 90, drain within 15000 ms, drained rack-4'],
      [4, 'anna@desk', 'resumed'],
    ]);
    expect(events[2]?.why).toBe('the night');
    expect(Math.abs(Date.parse(String(events[0]?.at)) - Date.now())).toBeLessThan(60_000);
  });

  test('changes only if the revision is the expected one; the loser learns of the other change', async () => {
    const { control } = await openStores(redis.namespace());
    await control.change({ size: 3 }, ANNA);
    await control.change({ size: 9 }, { who: 'ben@desk', why: '' }, 1);
    await expect(control.change({ size: 4 }, ANNA, 1)).rejects.toMatchObject({
      code: 'STALE',
      message: expect.stringMatching(/size 3 -> 9, by ben@desk at 20.*revision 2, not 1/),
    });
    expect((await control.read()).size).toBe(9);
    expect(await control.events()).toHaveLength(2);
  });

  test('takes a size from the leader only with its token, the revision it has seen, and while autoscaling is on', async () => {
    const stores = await openStores(redis.namespace());
    const { control, bridgeStore } = stores;
    const leader = { who: 'leader', why: '1000/s in' };
    const token = await lead(stores);
    await control.change({ size: 5 }, ANNA);
    expect(await control.setSize(6, leader, { token, expected: 1 })).toBe(false);
    await control.change({ autoscale: { min: 1, max: 50, drainWithin: 1_000 } }, ANNA);
    expect(await control.setSize(6, leader, { token, expected: 1 })).toBe(false);
    expect(await control.setSize(6, leader, { token: token + 1, expected: 2 })).toBe(false);
    expect(await control.setSize(6, leader, { token, expected: 2 })).toBe(true);
    expect(await control.read()).toMatchObject({ revision: 3, size: 6, autoscale: { max: 50 } });
    await bridgeStore.release('leader#1', token, undefined);
    expect(await control.setSize(8, leader, { token, expected: 3 })).toBe(false);
  });
});

describe('the shares of managed processes', () => {
  test('are as many for each host and process, and are handed over', async () => {
    const stores = await openStores(redis.namespace());
    await stores.control.change({ size: 20 }, ANNA);
    const four = ['a', 'b', 'c', 'd'].map((id) => processOf(stores, id, `host-${id}`));
    for (let round = 0; round < 3; round++) for (const one of four) await one.beat();
    expect(four.map(({ consumers }) => consumers)).toEqual([5, 5, 5, 5]);
    const fifth = processOf(stores, 'e', 'host-e');
    for (let round = 0; round < 3; round++) for (const one of [...four, fifth]) await one.beat();
    expect([...four, fifth].map(({ consumers }) => consumers)).toEqual([4, 4, 4, 4, 4]);
    expect(await stores.control.processes()).toMatchObject(
      ['a', 'b', 'c', 'd', 'e'].map((id) => ({ id, host: `host-${id}`, share: 4, drained: false })),
    );
  });
});
