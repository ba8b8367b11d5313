import type { MadeMark, MarkRequest } from '../../src/core/bridge-store.js';
import type { LaneStore, SharedBridgeStore } from '../../src/core/lane-store.js';
import { type Logger, silentLogger } from '../../src/log/logger.js';
import { LanesBridgeStore } from '../../src/redis/lanes-bridge-store.js';
import { NodeModel } from './node-model.js';
import { packed } from './packed.js';

export const at = (epoch: number, offset = 0) => ({ epoch, offset });
export const SEAT = { seat: 'b', seats: 2, seen: 0, secret: '', secretKnown: true };

/** How a call to a lane is carried out. */
type Way = <Reply>(lane: number, run: () => Reply) => Promise<Reply>;

/** The nodes of a group with two lanes, which answer at once, and the stores of bridges there. */
export function nodes(log: Logger = silentLogger) {
  const base = new NodeModel();
  const lanes = [new NodeModel(), new NodeModel()];
  let now = 0;
  const mark = ({ seen, caller, token: ours }: MarkRequest): MadeMark => {
    const { state } = base;
    state.mark = Math.max(state.mark, seen) + 1;
    if (state.holder === caller && state.token === ours) state.beat++;
    const { token, beat, holder, position } = state;
    const lease = { token, beat, holder, relayed: position };
    return { mark: state.mark, secret: '', clock: 0, bridges: 1, lease, healed: [] };
  };
  const storeOf = (way: Way = async (_lane, run) => run()) => {
    const shared: SharedBridgeStore = {
      mark: async (request) => mark(request),
      take: async (caller, token, beat, options) => base.take(caller, token, beat, options?.above),
      relay: async (request) => base.relay(request),
      release: async () => ({ kind: 'released' }),
      readLease: async () => ({ token: 0, beat: 0, holder: '', relayed: undefined }),
      lastMark: async () => base.state.mark,
      missed: async (_caller, gap) => void base.state.gaps.push(gap),
      leave: async () => {},
      noted: async () => ({ lanes: base.state.lanes, mark: base.state.mark, isPrepared: true }),
    };
    const stores = lanes.map(
      (node, lane): LaneStore => ({
        arrive: (number) => way(lane, () => node.arrive(number)),
        lead: (caller, token) => way(lane, () => node.lead(caller, token)),
        relay: (request) => way(lane, () => node.relay(request)),
      }),
    );
    return new LanesBridgeStore(shared, stores, undefined, {
      lease: 1_000,
      prepare: async () => {},
      log,
      now: () => now,
    });
  };
  const take = async (store: LanesBridgeStore, caller: string) => {
    const { token, beat } = base.state;
    return store.take(caller, token, beat);
  };
  /** A bridge that leads, with a group at this position. */
  const lead = async (way?: Way) => {
    const store = storeOf(way);
    const reply = await take(store, 'b#1');
    const token = reply.taken ? reply.token : -1;
    const move = { caller: 'b#1', token, packSize: 1 };
    await store.relay({ ...move, from: undefined, to: at(10), messages: packed([]) });
    return { store, token, move };
  };
  return { base, lanes, storeOf, take, lead, pass: (ms: number) => (now += ms) };
}
