import { describe, expect, onTestFinished, test } from 'vitest';
import type { Control, ControlChange, ProcessReport } from '../../src/core/control.js';
import { silentLogger } from '../../src/log/logger.js';
import { RedisControlStore } from '../../src/redis/control-store.js';
import { keysOf } from '../../src/redis/keys.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { freshRedis, type Namespace, namespaceOn, withRedis } from '../helpers/redis.js';
import { openStores, type Stores } from '../helpers/stores.js';
import { until } from '../helpers/until.js';

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

/** A process that runs its share. */
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

/** The control as another user of Redis changes it. */
async function openControl(url: string, space: Namespace): Promise<RedisControlStore> {
  const connection = new Connection(url, 'other', silentLogger);
  onTestFinished(() => connection.close());
  await connection.connect();
  return new RedisControlStore(connection, keysOf(space));
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
      [3, 'ben@desk', 'autoscale 2 to 90, backlog gone within 15s, drained rack-4'],
      [4, 'anna@desk', 'resumed'],
    ]);
    expect(events[2]?.why).toBe('the night');
    await control.change({ autoscale: { ...rule, drainWithin: 2_500 } }, ANNA);
    expect((await control.events()).at(-1)?.what).toBe('autoscale 2 to 90, backlog gone within 2500ms');
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

  test.each([
    ['autoscale', '{"min":0x2,"max":0x20,"drainWithin":0x400}'],
    ['autoscale', '{"min":02,"max":9,"drainWithin":100}'],
    ['autoscale', '{"min":2,"max":9,"drainWithin":100,"since":Infinity}'],
    ['autoscale', '{"min":2,"max":9,"drainWithin":100}\0'],
    ['drained', '{"web\n1":"host"}'],
    ['drained', '{"":"host"}'],
    ['drained', `{"${'w'.repeat(1_201)}":"host"}`],
  ])('takes no %s that a process cannot read, or an operator cannot have set: %j', async (field, text) => {
    const { control, registry, raw, keys } = await openStores(redis.namespace());
    await control.change({ size: 6, drained: ['rack-9'] }, ANNA);
    await raw.hset(keys.control, field, text);
    const good = { size: 6, autoscale: undefined, drained: ['rack-9'] };
    expect(await control.read()).toMatchObject(good);
    const { healed, control: told } = await registry.beat(undefined, [], [], LONG);
    expect(healed).toEqual([field]);
    expect(told).toMatchObject(good);
    expect(await control.read()).toMatchObject(good);
  });

  test('reads drained names that are no JSON, though Redis takes them for it', async () => {
    const { control, registry, raw, keys } = await openStores(redis.namespace());
    await control.change({ size: 6 }, ANNA);
    await raw.hset(keys.control, 'drained', '{"web3":0x7,"web3":"host"}');
    expect((await control.read()).drained).toEqual(['web3']);
    expect((await registry.beat(undefined, [], [], LONG)).control.drained).toEqual(['web3']);
    expect((await control.change({ drained: ['web3', 'web4'] }, ANNA)).drained).toEqual(['web3', 'web4']);
  });
});

describe('a change', () => {
  test('that changes nothing makes no event, and the revision stays', async () => {
    const { control } = await openStores(redis.namespace());
    const rule = { min: 1, max: 4, drainWithin: 9 };
    const wanted = { autoscale: rule, size: 2, paused: true, drained: ['a', 'b'] };
    const first = await control.change(wanted, ANNA);
    expect(await control.change({ ...wanted, drained: ['b', 'a', 'a'] }, ANNA)).toEqual(first);
    expect(await control.change({}, ANNA)).toEqual(first);
    expect(await control.events()).toHaveLength(1);
  });

  test('of the size ends autoscaling, whatever the size; a rule keeps the size', async () => {
    const { control } = await openStores(redis.namespace());
    await control.change({ size: 4 }, ANNA);
    expect(await control.change({ autoscale: { min: 1, max: 9, drainWithin: 1 } }, ANNA)).toMatchObject({
      size: 4,
      autoscale: { min: 1, max: 9 },
    });
    expect(await control.change({ paused: true }, ANNA)).toMatchObject({ autoscale: { max: 9 } });
    expect(await control.change({ size: 4 }, ANNA)).toMatchObject({ size: 4, autoscale: undefined });
    expect((await control.change({ size: 0 }, ANNA)).size).toBe(0);
  });

  test.each<[string, ControlChange]>([
    ['size', { size: -1 }],
    ['size', { size: 10_001 }],
    ['size', { size: 1.5 }],
    ['size', { size: Number.NaN }],
    ['size', { size: '7' as unknown as number }],
    ['max', { autoscale: { min: 5, max: 4, drainWithin: 1 } }],
    ['min', { autoscale: { min: 0, max: 4, drainWithin: 1 } }],
    ['drainWithin', { autoscale: { min: 1, max: 4, drainWithin: 0 } }],
    ['drained', { drained: [''] }],
    ['drained', { drained: ['two\nlines'] }],
    ['drained', { drained: ['\ud800'] }],
    ['drained', { drained: Array.from({ length: 1_001 }, (_, i) => `h${i}`) }],
    ['drained', { drained: Array.from({ length: 300 }, (_, i) => `${i}`.padStart(290, 'h')) }],
  ])('with a wrong %s is refused before Redis: %j', async (setting, wrong) => {
    const { control, everything } = await openStores(redis.namespace());
    const before = await everything();
    await expect(control.change(wrong, ANNA)).rejects.toMatchObject({
      code: 'SETTINGS',
      problems: [{ setting }],
    });
    expect(await everything()).toEqual(before);
  });

  test('keeps the last 100 events, and who and why as printable texts', async () => {
    const { control, raw, keys } = await openStores(redis.namespace());
    for (let size = 1; size <= 105; size++) await control.change({ size }, ANNA);
    await control.change({ size: 0 }, { who: 'a\u001b[2Jb\ud800', why: 'x'.repeat(9_999) });
    expect(await raw.xlen(keys.events)).toBe(100);
    const events = await control.events();
    expect(events.map(({ revision }) => revision)).toEqual(Array.from({ length: 100 }, (_, i) => i + 7));
    expect(events.at(-1)).toMatchObject({ who: 'a [2Jb ', why: 'x'.repeat(500) });
  });

  test('holds 1,000 drained names, through events and heartbeats', async () => {
    const stores = await openStores(redis.namespace());
    const drained = Array.from({ length: 1_000 }, (_, i) => `rack/"${i}"-${'é'.repeat(15)}`).sort();
    await stores.control.change({ drained }, ANNA);
    await stores.raw.del(stores.keys.control);
    const { control, healed } = await processOf(stores, 'p', 'h').beat();
    expect(control).toEqual({ ...NOTHING_SET, revision: 2, drained });
    expect(healed).toHaveLength(5);
  });

  test('forgets drained processes that are gone; a host stays', async () => {
    const stores = await openStores(redis.namespace());
    const [one, two] = [processOf(stores, 'one', 'h1'), processOf(stores, 'two', 'h2')];
    await one.beat();
    await two.beat();
    await stores.control.change({ drained: ['one', 'two', 'h3'] }, ANNA);
    expect(await stores.control.processes()).toMatchObject([{ drained: true }, { drained: true }]);
    await stores.registryOf('one', 'h1').beat(undefined, [], [], LONG);
    expect((await stores.control.read()).drained).toEqual(['h3', 'one', 'two']);
    expect([...(await stores.control.readAll()).drainedProcesses].sort()).toEqual(['one', 'two']);
    expect((await stores.control.change({ paused: true }, ANNA)).drained).toEqual(['h3', 'two']);
    expect((await two.beat()).control.drained).toEqual(['h3', 'two']);
  });

  test('is refused as a whole if Redis has no memory left, and heartbeats too', async () => {
    const server = await freshRedis();
    const stores = await openStores(namespaceOn(server.url));
    const { control, raw, everything } = stores;
    await control.change({ size: 3 }, ANNA);
    await raw.config('SET', 'maxmemory', '1');
    const before = await everything();
    const refusal = { code: 'REDIS_REFUSED', message: expect.stringContaining('OOM') };
    await expect(control.change({ size: 4 }, ANNA)).rejects.toMatchObject(refusal);
    await expect(processOf(stores, 'p', 'h').beat()).rejects.toMatchObject(refusal);
    expect(await everything()).toEqual(before);
    expect((await control.read()).size).toBe(3);
    await raw.config('SET', 'maxmemory', '0');
    expect((await processOf(stores, 'p', 'h').beat()).share).toBe(3);
  });

  test('is undone if the user may not write the hash', async () => {
    const server = await freshRedis();
    const space = namespaceOn(server.url);
    const { control, raw } = await openStores(space);
    await control.change({ size: 3 }, ANNA);
    await raw.call('ACL', 'SETUSER', 'less', 'on', '>secret', '~*', '&*', '+@all', '-hset');
    const less = await openControl(space.redis.replace('://', '://less:secret@'), space);
    const before = await raw.xrange(keysOf(space).events, '-', '+');
    await expect(less.change({ size: 4 }, ANNA)).rejects.toMatchObject({ code: 'REDIS_AUTH' });
    expect(await raw.xrange(keysOf(space).events, '-', '+')).toEqual(before);
    expect((await control.read()).size).toBe(3);
  });

  test('is refused as a whole if the events take no more', async () => {
    const { control, raw, keys, everything } = await openStores(redis.namespace());
    await control.change({ size: 3 }, ANNA);
    await raw.xadd(keys.events, '18446744073709551615-18446744073709551615', 'foreign', 'entry');
    const before = await everything();
    await expect(control.change({ size: 4 }, ANNA)).rejects.toMatchObject({
      code: 'REDIS_REFUSED',
      message: expect.stringContaining('cgroup doctor'),
    });
    expect(await everything()).toEqual(before);
    expect((await control.read()).size).toBe(3);
    expect(await control.events()).toHaveLength(1);
  });
});

/** What another program writes into the control, and the fields that are replaced. */
const FOREIGN: [string, Record<string, string>, string[]][] = [
  ['a size that is no number', { size: 'many' }, ['size']],
  ['a negative size', { size: '-3' }, ['size']],
  ['a size above all', { size: '10001' }, ['size']],
  ['a size beyond any integer', { size: '1'.repeat(400) }, ['size']],
  ['no yes or no', { paused: 'true' }, ['paused']],
  ['a rule that is no JSON', { autoscale: '{' }, ['autoscale']],
  ['a rule of other things', { autoscale: '{"min":1,"max":"9","drainWithin":5}' }, ['autoscale']],
  ['a rule that turns around', { autoscale: '{"min":9,"max":1,"drainWithin":5}' }, ['autoscale']],
  ['JSON too deep to read', { autoscale: '['.repeat(5_000) }, ['autoscale']],
  ['a list of names', { drained: '["h"]' }, ['drained']],
  ['null', { drained: 'null', autoscale: 'null' }, ['autoscale', 'drained']],
  ['a revision that cannot rise', { revision: '9007199254740991' }, ['revision']],
  [
    'nothing of ours',
    { size: '', paused: '', autoscale: 'x', drained: '', revision: '' },
    ['paused', 'autoscale', 'drained', 'revision'],
  ],
];

describe('a control that another program changed', () => {
  test.each(FOREIGN)('is the last good one again, with an event: %s', async (_, values, healed) => {
    const stores = await openStores(redis.namespace());
    const { control, raw, keys } = stores;
    await control.change({ size: 6, paused: true, drained: ['h9'] }, ANNA);
    const good = await control.change({ autoscale: { min: 2, max: 8, drainWithin: 70 } }, ANNA);
    await raw.hset(keys.control, values);
    const restored = { ...good, revision: 3 };
    expect(await control.read()).toEqual(restored);
    const orders = await processOf(stores, 'p', 'h').beat();
    expect(orders).toMatchObject({ control: restored, healed });
    expect(await processOf(stores, 'q', 'h').beat()).toMatchObject({ control: restored, healed: [] });
    expect((await control.events()).at(-1)).toMatchObject({
      revision: 3,
      who: 'p',
      why: 'another program changed the control',
      what: `restored ${healed.join(', ')}`,
    });
    await expect(control.change({ size: 1 }, ANNA, 2)).rejects.toMatchObject({ code: 'STALE' });
    expect(await control.change({ size: 1 }, ANNA, 3)).toMatchObject({ revision: 4, size: 1, paused: true });
  });

  test('is the last good one if it was deleted, also for a change that comes before any heartbeat', async () => {
    const { control, raw, keys } = await openStores(redis.namespace());
    await control.change({ size: 6 }, ANNA);
    await raw.del(keys.control);
    expect(await control.change({ paused: true }, ANNA)).toEqual({
      ...NOTHING_SET,
      revision: 3,
      size: 6,
      paused: true,
    });
  });

  test('is the last good one though the newest events are foreign, or the stream takes no event', async () => {
    const stores = await openStores(redis.namespace());
    const { control, raw, keys } = stores;
    await control.change({ size: 6 }, ANNA);
    await raw.xadd(keys.events, '*', 'state', '{"size":"900"}');
    await raw.xadd(keys.events, '18446744073709551615-18446744073709551615', 'state', 'x');
    await raw.hset(keys.control, 'size', '?');
    const { control: now, healed } = await processOf(stores, 'p', 'h').beat();
    expect([now.size, healed]).toEqual([6, ['size']]);
    expect((await processOf(stores, 'p', 'h').beat()).healed).toEqual([]);
  });

  test('is as if nothing was ever set if the events are gone too; what is good stays', async () => {
    const stores = await openStores(redis.namespace());
    const { control, raw, keys } = stores;
    await control.change({ size: 6, paused: true }, ANNA);
    await raw.del(keys.events);
    await raw.hset(keys.control, 'size', 'none');
    expect(await processOf(stores, 'p', 'h').beat()).toMatchObject({
      control: { revision: 2, size: undefined, paused: true },
      healed: ['size'],
    });
    await raw.del(keys.control, keys.events);
    const orders = await processOf(stores, 'p', 'h').beat();
    expect(orders).toMatchObject({ control: NOTHING_SET, healed: [] });
    expect(await raw.exists(keys.control, keys.events)).toBe(0);
  });

  test.each([
    ['control', 'list'],
    ['events', 'hash'],
    ['processes', 'string'],
  ] as const)('refuses a %s that is a %s, and changes nothing', async (name, type) => {
    const stores = await openStores(redis.namespace());
    const { raw, keys, control, everything } = stores;
    const key = keys[name];
    if (type === 'hash') await raw.hset(key, 'some', 'thing');
    else if (type === 'list') await raw.rpush(key, 'something');
    else await raw.set(key, 'something');
    const before = await everything();
    const refusal = { code: 'KEY_TYPE', message: expect.stringContaining(`${key} holds a ${type}`) };
    await expect(processOf(stores, 'p', 'h').beat()).rejects.toMatchObject(refusal);
    await expect(control.change({ drained: ['h'] }, ANNA)).rejects.toMatchObject(refusal);
    if (name !== 'processes') {
      await expect(control.change({ size: 1 }, ANNA)).rejects.toMatchObject(refusal);
      await expect(control.read()).rejects.toMatchObject(refusal);
    }
    expect(await everything()).toEqual(before);
  });
});

describe('the processes', () => {
  test('are all live ones of the output, fixed ones too, until they end', async () => {
    const stores = await openStores(redis.namespace());
    const other = await openStores({ ...redis.namespace(), consumerList: stores.keys.consumerList });
    await processOf(stores, 'fixed', 'h1', { managed: false, capacity: 3, consumers: 3 }).beat();
    await processOf(stores, 'managed', 'h0').beat();
    await processOf(other, 'foreign', 'h2').beat();
    const common = { pid: 1, settled: 0, busyMs: 0, drained: false, beatAt: expect.any(Number) };
    expect(await stores.control.processes()).toEqual([
      { ...common, id: 'managed', host: 'h0', managed: true, capacity: 64, consumers: 0, share: 1 },
      { ...common, id: 'fixed', host: 'h1', managed: false, capacity: 3, consumers: 3, share: undefined },
    ]);
    await stores.registryOf('fixed', 'h1').beat(undefined, [], [], LONG);
    expect((await stores.control.processes()).map(({ id }) => id)).toEqual(['managed']);
  });

  test('lose their share when they are silent, and get it back when they continue', async () => {
    const stores = await openStores(redis.namespace());
    const { raw, keys, control } = stores;
    await control.change({ size: 8 }, ANNA);
    const [one, stopped] = [processOf(stores, 'one', 'h1'), processOf(stores, 'stopped', 'h2')];
    for (let round = 0; round < 3; round++) for (const each of [one, stopped]) await each.beat();
    expect([one.consumers, stopped.consumers]).toEqual([4, 4]);
    const record = String(await raw.hget(keys.processes, 'stopped'));
    await raw.hset(keys.processes, 'stopped', record.replace(/\d+/, String(Date.now() - 2 * LONG)));
    await one.beat();
    expect(one.consumers).toBe(8);
    expect((await control.processes()).map(({ id }) => id)).toEqual(['one']);
    expect((await stopped.beat()).share).toBe(4);
    for (const each of [one, stopped]) await each.beat();
    expect([one.consumers, stopped.consumers]).toEqual([4, 4]);
  });

  test('of a foreign value, or with a beat from the future, do no harm', async () => {
    const stores = await openStores(redis.namespace());
    const { raw, keys, control } = stores;
    await control.change({ size: 8 }, ANNA);
    const [one, late] = [processOf(stores, 'one', 'h1'), processOf(stores, 'late', 'h2')];
    for (let round = 0; round < 3; round++) for (const each of [one, late]) await each.beat();
    const record = String(await raw.hget(keys.processes, 'late'));
    for (const [id, text] of Object.entries({
      a: 'text',
      b: '{}',
      c: '{"at":9,"share":1,"report":null}',
      d: '['.repeat(9_000),
      e: record.replace('"capacity":64', '"capacity":-1'),
      f: record,
      g: record.replace('"capacity":64', `"capacity":64,"more":"${'x'.repeat(20_000)}"`),
    }))
      await raw.hset(keys.processes, id, text.replace('"id":"late"', `"id":"${id === 'f' ? 'late' : id}"`));
    await raw.hset(keys.processes, 'late', record.replace(/\d+/, String(Date.now() + 86_400_000)));
    expect((await one.beat(300)).share).toBe(4);
    // It counts from now on.
    await until(async () => (await one.beat(300)).share === 8, {
      what: 'the process from the future to be dead',
    });
  });

  test('keep no record of another program that is too long for one: each heartbeat would copy it', async () => {
    const stores = await openStores(redis.namespace());
    const { raw, keys } = stores;
    const one = processOf(stores, 'one', 'host-a');
    await one.beat();
    await raw.hset(keys.processes, { long: 'x'.repeat(20_000), short: 'x'.repeat(2_000) });
    await one.beat();
    expect((await raw.hkeys(keys.processes)).sort()).toEqual(['one', 'short']);
  });
});

describe('the shares of managed processes', () => {
  test('are none for those that are drained, and not below the size while others begin', async () => {
    const stores = await openStores(redis.namespace());
    await stores.control.change({ size: 6 }, ANNA);
    const all = ['a', 'b', 'c'].map((id) => processOf(stores, id, `host-${id}`));
    for (let round = 0; round < 3; round++) for (const one of all) await one.beat();
    await stores.control.change({ drained: ['host-c', 'b'] }, ANNA);
    expect((await all[2]?.beat())?.share).toBe(2);
    for (let round = 0; round < 2; round++) for (const one of all) await one.beat();
    expect(all.map(({ consumers }) => consumers)).toEqual([6, 0, 0]);
    expect(await stores.control.processes()).toMatchObject([
      { share: 6, drained: false },
      { share: 0, drained: true },
      { share: 0, drained: true },
    ]);
    await stores.control.change({ drained: [] }, ANNA);
    for (let round = 0; round < 3; round++) for (const one of all) await one.beat();
    expect(all.map(({ consumers }) => consumers)).toEqual([2, 2, 2]);
  });

  test('are one each before a size was set, none for a fixed one, and nothing at size 0', async () => {
    const stores = await openStores(redis.namespace());
    const all = ['a', 'b'].map((id) => processOf(stores, id, 'host'));
    const fixed = processOf(stores, 'f', 'host', { managed: false, consumers: 5 });
    for (const one of all) expect((await one.beat()).share).toBe(1);
    expect((await fixed.beat()).share).toBeUndefined();
    await stores.control.change({ size: 0 }, ANNA);
    for (const one of all) expect((await one.beat()).share).toBe(0);
  });

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

  test('are not taken by a record of another program, which has no time at which it would be silent', async () => {
    const stores = await openStores(redis.namespace());
    await stores.control.change({ size: 8 }, ANNA);
    const one = processOf(stores, 'a', 'host-a');
    await one.beat();
    const [text] = await stores.raw.hvals(stores.keys.processes);
    const { share, report } = JSON.parse(String(text)) as { share: number; report: ProcessReport };
    const foreign = { share, report: { ...report, id: 'b', host: 'host-b' } };
    for (const record of [foreign, { at: -1, ...foreign }, { at: 1e300, ...foreign }]) {
      await stores.raw.hset(stores.keys.processes, 'b', JSON.stringify(record));
      for (let round = 0; round < 3; round++) await one.beat();
      expect(one.consumers).toBe(8);
    }
  });
});
