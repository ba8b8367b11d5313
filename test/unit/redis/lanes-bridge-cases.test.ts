import { expect, it } from 'vitest';
import type { MadeMark, MarkRequest } from '../../../src/core/bridge-store.js';
import type { SharedBridgeStore } from '../../../src/core/lane-store.js';
import { LanesBridgeStore } from '../../../src/redis/lanes-bridge-store.js';
import { NodeModel } from '../../helpers/lanes-world.js';
import { packed } from '../../helpers/packed.js';

const at = (epoch: number, offset = 0) => ({ epoch, offset });
const SEAT = { seat: 'b', seats: 2, seen: 0, secret: '', secretKnown: true };

/** Nodes that answer at once, and the stores of bridges there. */
function nodes() {
  const base = new NodeModel();
  const lanes = [new NodeModel(), new NodeModel()];
  let now = 0;
  const mark = ({ seen }: MarkRequest): MadeMark => {
    const { state } = base;
    state.mark = Math.max(state.mark, seen) + 1;
    const { token, beat, holder, position } = state;
    const lease = { token, beat, holder, relayed: position };
    return { mark: state.mark, secret: '', clock: 0, bridges: 1, lease, healed: [] };
  };
  const storeOf = () => {
    const shared: SharedBridgeStore = {
      mark: async (request) => mark(request),
      take: async (caller, token, beat, options) => base.take(caller, token, beat, options?.above),
      relay: async (request) => base.relay(request),
      release: async () => ({ kind: 'released' }),
      readLease: async () => ({ token: 0, beat: 0, holder: '', relayed: undefined }),
      lastMark: async () => base.state.mark,
      missed: async (_caller, gap) => void base.state.gaps.push(gap),
      leave: async () => {},
      noted: async () => ({ lanes: base.state.lanes, mark: base.state.mark }),
    };
    const stores = lanes.map((node) => ({
      arrive: async (number: number) => node.arrive(number),
      lead: async (caller: string, token: number) => node.lead(caller, token),
      relay: async (request: Parameters<NodeModel['relay']>[0]) => node.relay(request),
    }));
    return new LanesBridgeStore(shared, stores, undefined, () => now);
  };
  const take = async (store: LanesBridgeStore, caller: string) => {
    const { token, beat } = base.state;
    return store.take(caller, token, beat);
  };
  /** A bridge that leads, with a group at this position. */
  const lead = async () => {
    const store = storeOf();
    const reply = await take(store, 'b#1');
    const token = reply.taken ? reply.token : -1;
    const move = { caller: 'b#1', token, packSize: 1 };
    await store.relay({ ...move, from: undefined, to: at(10), messages: packed([]) });
    return { store, token, move };
  };
  return { base, lanes, storeOf, take, lead, pass: (ms: number) => (now += ms) };
}

it('a bridge that arrives gets a mark after all that the lanes have, though the group has lost its marks', async () => {
  const { base, lanes, storeOf, lead } = nodes();
  await lead();
  for (const { state } of lanes) state.position = at(500, 3);
  base.state.mark = 100;
  expect(await storeOf().mark({ ...SEAT, caller: 'b', joins: true })).toMatchObject({ mark: 501 });
});

it('a leader that finds the marks behind the lanes tells a gap and goes on after all of them', async () => {
  const { base, lanes, storeOf, take, lead } = nodes();
  await lead();
  if (lanes[1]) lanes[1].state.position = at(500, 3);
  const store = storeOf();
  // It may not have told yet which marks it has heard.
  expect(await take(store, 'b#2')).toEqual({ taken: false });
  expect(base.state.gaps).toEqual([]);
  expect(await take(store, 'b#2')).toMatchObject({ taken: true, position: at(500, 3) });
  expect(base.state.gaps).toHaveLength(1);
  expect(lanes.map(({ state }) => state.position)).toEqual([at(500, 3), at(500, 3)]);
});

it('a leader whose bridge has heard later marks than the group has loses nothing, and tells no gap', async () => {
  const { base, lanes, storeOf, lead } = nodes();
  await lead();
  if (lanes[1]) lanes[1].state.position = at(500, 3);
  const reply = await storeOf().take('b#2', base.state.token, base.state.beat, { seen: 500 });
  expect(reply).toMatchObject({ taken: true, position: at(10) });
  expect(base.state.gaps).toEqual([]);
});

it('a gap is recorded again if the group came back without it, once', async () => {
  const { base, storeOf, take, lead } = nodes();
  const { store, move } = await lead();
  base.state.mark = 50;
  base.remember();
  const gap = { reason: 'no bridge was subscribed', since: 12, dropped: 0 };
  await store.relay({ ...move, from: at(10), to: at(50), messages: packed([]), gap });
  expect(base.state.gaps).toHaveLength(1);
  base.goBack(1);
  expect(base.state.gaps).toHaveLength(0);
  // With the script that moves the group past it, once.
  for (const caller of ['b#2', 'b#3']) {
    const next = storeOf();
    expect(await take(next, caller)).toMatchObject({ position: at(50) });
    const { token } = base.state;
    await next.relay({ ...move, caller, token, from: at(50), to: at(50), messages: packed([]) });
    expect(base.state.position).toEqual(at(50));
    expect(base.state.gaps).toMatchObject([{ since: 10 }]);
  }
});

it('a leader that a lane refuses hears of it in silence', async () => {
  const { lanes, lead, pass } = nodes();
  const { store, move, token } = await lead();
  lanes[0]?.lead('b#2', 9);
  pass(1_000);
  const mark = { ...SEAT, caller: 'b#1', token };
  await store.mark({ ...mark, advance: { from: at(10), to: at(20) } });
  await new Promise((resolve) => setImmediate(resolve));
  // The position of the group, not that of this bridge: so the bridge asks.
  expect(await store.mark(mark)).toMatchObject({ lease: { holder: 'b#1', relayed: at(10) } });
  const ask = { ...move, from: at(20), to: at(20), messages: packed([]) };
  expect(await store.relay(ask)).toEqual({ kind: 'fenced' });
});

it('another number of lanes begins at the furthest position', async () => {
  const { base, lanes, storeOf, take, lead } = nodes();
  await lead();
  base.state.lanes = 1;
  base.state.mark = 40;
  base.state.position = at(40);
  for (const { state } of lanes) state.position = undefined;
  expect(await take(storeOf(), 'b#2')).toMatchObject({ taken: true, position: at(40) });
  expect(lanes.map(({ state }) => state.position)).toEqual([at(40), at(40)]);
  expect(base.state.lanes).toBe(2);
  expect(base.state.gaps).toEqual([]);
});
