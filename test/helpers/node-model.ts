import type { Gap, RelayReply, TakeReply } from '../../src/core/bridge-store.js';
import type { ArriveReply, DealtRelay, LeadReply, PassedGap } from '../../src/core/lane-store.js';
import { isAfter, isSame, type Position } from '../../src/core/position.js';

/** What one node of the Cluster has: the bridge's hash of the group or of a lane, and the inbox of a lane. */
interface NodeState {
  holder: string;
  token: number;
  beat: number;
  mark: number;
  position: Position | undefined;
  /** How many lanes are noted. */
  lanes: number;
  inbox: string[];
  passed: PassedGap | undefined;
  told: { readonly id: string; readonly dropped: number } | undefined;
  /** Of the group. */
  gaps: Gap[];
}

const EMPTY: NodeState = {
  ...{ holder: '', token: 0, beat: 0, mark: 0, position: undefined },
  ...{ lanes: 0, inbox: [], passed: undefined, told: undefined, gaps: [] },
};

/** A node, whose states can come back. Its scripts are as the Lua, each one step. */
export class NodeModel {
  state = structuredClone(EMPTY);
  /** Whether it once came back with nothing. */
  wasEmptied = false;
  #past: NodeState[] = [];

  remember(): void {
    this.#past.push(structuredClone(this.state));
  }

  /** Comes back with the state of so many memories ago, if there is one. */
  goBack(steps: number): void {
    const old = this.#past.at(-steps);
    if (!old) return;
    this.#past = this.#past.slice(0, -steps);
    this.state = old;
    this.wasEmptied ||= old.position === undefined;
  }

  relay({ caller, token, from, to, messages, lanes, passed, gap }: DealtRelay): RelayReply {
    const { state } = this;
    if (state.holder !== caller || state.token !== token) return { kind: 'fenced' };
    if (!isSame(state.position, from)) return { kind: 'elsewhere', position: state.position };
    state.position = to;
    state.inbox.push(...Array.from(messages, String));
    state.mark = Math.max(state.mark, to.epoch);
    if (lanes !== undefined) state.lanes = lanes;
    const isNew = passed && isAfter(passed.at, state.passed?.at);
    if (isNew) state.passed = passed;
    const isKnown = gap?.id !== undefined && state.told?.id === gap.id && state.told.dropped >= gap.dropped;
    if (gap && !isKnown) {
      const before = gap.id !== undefined && state.told?.id === gap.id ? state.told.dropped : 0;
      if (gap.id !== undefined) state.told = { id: gap.id, dropped: gap.dropped };
      state.gaps.push({ ...gap, dropped: gap.dropped - before });
    } else if (!isKnown && isNew && passed.reason)
      state.gaps.push({ reason: passed.reason, since: passed.since, dropped: 0 });
    return { kind: 'written' };
  }

  arrive(mark: number): ArriveReply {
    const { position } = this.state;
    if (position && mark < position.epoch) return { arrived: false, mark: position.epoch };
    return { arrived: true, elapsed: 0, isWritten: position !== undefined };
  }

  lead(caller: string, token: number): LeadReply {
    const { state } = this;
    if (state.token > token || (state.token === token && state.holder !== caller))
      return { led: false, token: state.token };
    state.holder = caller;
    state.token = token;
    return { led: true, position: state.position, passed: state.passed };
  }

  take(caller: string, token: number, beat: number, above: number | undefined): TakeReply {
    const { state } = this;
    if (state.holder !== caller) {
      if (state.token !== token || state.beat !== beat) return { taken: false };
      state.token++;
      state.holder = caller;
    }
    if (above !== undefined && state.token <= above) state.token = above + 1;
    return { taken: true, token: state.token, position: state.position, lost: false, lastBeat: undefined };
  }
}
