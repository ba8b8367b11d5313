import { expect, it, onTestFinished } from 'vitest';
import type { Position } from '../../src/core/position.js';
import { silentLogger } from '../../src/log/logger.js';
import { RedisBridgeStore } from '../../src/redis/bridge-store.js';
import { RedisLaneStore } from '../../src/redis/lane-store.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { packed } from '../helpers/packed.js';
import { withRedis } from '../helpers/redis.js';
import { openStores } from '../helpers/stores.js';

const redis = withRedis();
const OLD = 'a'.repeat(40);
const NEW = 'b'.repeat(40);
const at = (epoch: number, offset = 0): Position => ({ epoch, offset });

async function openLane() {
  const space = redis.namespace();
  const { raw, keys } = await openStores(space);
  const connection = new Connection(space.redis, 'lane', silentLogger);
  onTestFinished(() => connection.close());
  await connection.connect();
  const lane = new RedisLaneStore(connection, keys);
  const relay = (from: Position | undefined, to: Position, more: object = {}, caller = 'b#1', token = 1) =>
    lane.relay({ caller, token, from, to, messages: packed(['m']), packSize: 1, server: OLD, ...more });
  return { raw, keys, lane, relay, base: new RedisBridgeStore(connection, keys) };
}

it('a lane is written by the leader with the highest token only, who gets its position', async () => {
  const { raw, keys, lane, relay } = await openLane();
  expect(await lane.lead('b#1', 1)).toEqual({ led: true, position: undefined, passed: undefined });
  const passed = { at: at(7, 1), since: 5 };
  expect(await relay(undefined, at(7, 1), { passed })).toEqual({ kind: 'written' });
  expect(await lane.lead('b#1', 1)).toEqual({ led: true, position: at(7, 1), passed });
  expect(await lane.lead('b#2', 1)).toEqual({ led: false, token: 1 });
  expect(await lane.lead('b#2', 3)).toEqual({ led: true, position: at(7, 1), passed });
  expect(await relay(at(7, 1), at(7, 2))).toEqual({ kind: 'fenced' });
  expect(await lane.lead('b#1', 2)).toEqual({ led: false, token: 3 });
  expect(await relay(undefined, at(7, 2), {}, 'b#2', 3)).toEqual({ kind: 'elsewhere', position: at(7, 1) });
  expect(await raw.xlen(keys.inbox)).toBe(1);
});

it('a lane that knows the server of the bridges takes of another one what is before their mark, for a while', async () => {
  const { raw, keys, lane, relay } = await openLane();
  await lane.lead('b#1', 1);
  expect(await lane.arrive(5, OLD)).toMatchObject({ arrived: true, isWritten: false });
  await relay(undefined, at(7, 1));

  // Its mark has to be after what the lane has.
  expect(await lane.arrive(7, NEW)).toEqual({ arrived: false, mark: 7 });
  expect(await lane.arrive(8, NEW)).toEqual({ arrived: true, elapsed: 0, isWritten: true });
  expect(await relay(at(7, 1), at(7, 2), { lateAfter: 60_000 })).toEqual({ kind: 'written' });
  expect(await relay(at(7, 2), at(8, 1), { lateAfter: 60_000 })).toEqual({ kind: 'late' });

  // The time is that of the lane, since it was told.
  const told = Number(await raw.hget(keys.bridge, 'home_at'));
  await raw.hset(keys.bridge, 'home_at', told - 1_000);
  const again = await lane.arrive(9, NEW);
  expect(again).toMatchObject({ arrived: true });
  expect(again.arrived && again.elapsed).toBeGreaterThanOrEqual(1_000);
  expect(await relay(at(7, 2), at(7, 3), { lateAfter: 900 })).toEqual({ kind: 'late' });
  expect(await relay(at(7, 2), at(9, 1), { server: NEW })).toEqual({ kind: 'written' });

  // A bridge that went to the server before does not undo it.
  expect(await lane.arrive(6, OLD)).toEqual({ arrived: false, mark: 9 });
  expect(await raw.hget(keys.bridge, 'home')).toBe(NEW);
  expect(await raw.xlen(keys.inbox)).toBe(3);
});

it('a mark that is behind what a lane has does not do', async () => {
  const { lane, relay } = await openLane();
  await lane.lead('b#1', 1);
  await relay(undefined, at(20, 3));
  expect(await lane.arrive(19, undefined)).toEqual({ arrived: false, mark: 20 });
  expect(await lane.arrive(21, undefined)).toMatchObject({ arrived: true });
});

it('the group notes with its position how many lanes are written up to it', async () => {
  const { base } = await openLane();
  expect(await base.noted()).toEqual({ lanes: 0, mark: 0, isPrepared: true });
  const reply = await base.take('b#1', 0, 0, { above: 6 });
  expect(reply).toMatchObject({ taken: true, token: 7 });
  const move = { caller: 'b#1', token: 7, from: undefined, to: at(30), messages: packed([]), packSize: 1 };
  expect(await base.relay({ ...move, lanes: 3 })).toEqual({ kind: 'written' });
  expect(await base.noted()).toEqual({ lanes: 3, mark: 30, isPrepared: true });
});

it('a gap with an id is recorded once, and then only what was dropped since', async () => {
  const { raw, keys, base } = await openLane();
  await base.take('b#1', 0, 0);
  const call = { caller: 'b#1', token: 1, messages: packed([]), packSize: 1 };
  await base.relay({ ...call, from: undefined, to: at(10) });
  for (const [i, dropped] of [3, 3, 5].entries()) {
    const passed = { at: at(20 + i), since: 10, reason: 'older' };
    const gap = { id: '1-1', reason: 'full', since: 10, dropped };
    expect(await base.relay({ ...call, from: at(10), to: at(10), gap, passed })).toEqual({ kind: 'written' });
  }
  const gaps = await raw.xrange(keys.gaps, '-', '+');
  expect(gaps.map(([, fields]) => fields[fields.indexOf('dropped') + 1])).toEqual(['3', '2']);
  expect(await raw.hmget(keys.counters, 'gaps', 'dropped')).toEqual(['2', '5']);
  expect(await raw.hget(keys.bridge, 'passed')).toBe('22 0 10');
});
