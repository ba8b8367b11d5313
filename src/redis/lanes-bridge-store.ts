import { performance } from 'node:perf_hooks';
import {
  type BridgeStore,
  type Gap,
  type Lease,
  type MarkReply,
  type MarkRequest,
  OLDER_STATE,
  type RelayReply,
  type RelayRequest,
  type ReleaseReply,
  type TakeOptions,
  type TakeReply,
} from '../core/bridge-store.js';
import { hasCode } from '../core/errors.js';
import type { LaneStore, SharedBridgeStore } from '../core/lane-store.js';
import { pathOf } from '../core/order-key.js';
import { earliestOf, isAfter, isSame, ORIGIN, type Position } from '../core/position.js';
import type { Logger } from '../log/logger.js';
import { repeatedFailures, type ThrottledLog } from '../log/throttle.js';
import { GroupWriter } from './group-writer.js';
import { LaneWriter, MOST_TRIES, stuck } from './lane-writer.js';
import { tellLanes } from './lanes-arrival.js';

/** ms between two times that the leader moves all lanes, and the group behind them. */
const LEVEL_EVERY = 500;

export interface LanesOptions {
  /** ms without a beat after which another bridge takes the lead */
  readonly lease: number;
  /** Makes the node of the group know it. */
  readonly prepare: () => Promise<unknown>;
  readonly log: Logger;
  /** ms, monotonic */
  readonly now?: () => number;
}

type Lead = Pick<RelayRequest, 'caller' | 'token' | 'on'>;

/**
 * Deals what a bridge relays to the lanes of a group. The bridge knows nothing of them: it has one lease and one position.
 *
 * Two things are always true, also after any node came back with an older state:
 *
 * 1. A lane has each of its messages up to its position, once, or a gap was told before it moved, of which it knows. Its messages, its
 *    position and the gap move in one script, and go back together; it takes only messages after its position; and all bridges deal a message of the
 *    same position to the same lane. So no bridge can double a message.
 * 2. The group's position moves only when all lanes are there or further. So it is never ahead of a lane, unless that lane lost something.
 *
 * So a leader that takes over needs no notes: it goes on from the earliest position of all lanes. It relays from there what it
 * keeps, or tells a gap; lanes that are further skip what they have. The group's own position says only what followers need not
 * keep, and that a lane without a position has lost all. It may lag behind: all lanes, and then the group, are moved
 * every half second, which also finds a lane that lost its last moments, while its messages are kept.
 */
export class LanesBridgeStore implements BridgeStore {
  readonly #base: SharedBridgeStore;
  readonly #lanes: readonly LaneWriter[];
  readonly #writer: GroupWriter;
  readonly #lease: number;
  readonly #prepare: () => Promise<unknown>;
  readonly #now: () => number;
  readonly #failures: ThrottledLog<unknown>;
  /** The lead under which the lanes were taken. */
  #lead: { readonly caller: string; readonly token: number } | undefined;
  /** Whether the marks of the group were behind the lanes when the lead was last taken. */
  #wasBehind = false;
  /** When the lanes were last moved over silence, and whether that is queued or under way. */
  #leveledAt = Number.NEGATIVE_INFINITY;
  #isLeveling = false;
  /** The end of the call that has the lanes. */
  #turn: Promise<unknown> = Promise.resolve();

  /**
   * @param base the group's store
   * @param orderKey where the key of each message is; undefined without order `key`
   */
  constructor(
    base: SharedBridgeStore,
    lanes: readonly LaneStore[],
    orderKey: string | undefined,
    { lease, prepare, log, now = () => performance.now() }: LanesOptions,
  ) {
    this.#base = base;
    this.#lanes = lanes.map((store) => new LaneWriter(store, now));
    this.#writer = new GroupWriter(base, this.#lanes, orderKey === undefined ? undefined : pathOf(orderKey));
    this.#now = now;
    this.#lease = lease;
    this.#prepare = prepare;
    this.#failures = repeatedFailures(log, 'the bridge cannot move all lanes');
  }

  async mark(request: MarkRequest): Promise<MarkReply> {
    const { caller, token, advance, on } = request;
    if (token !== undefined && this.#isLead(caller, token)) {
      // Unless a lane has lost something, of which the bridge has not heard yet.
      if (advance && isSame(advance.from, this.#writer.written)) {
        this.#writer.written = advance.to;
        this.#writer.server = on;
      }
      this.#levelSoon({ caller, token, on });
    }
    // Another bridge may reach all lanes: without the token the mark does not beat, and that bridge takes the lead.
    const beats = this.#lanes.every((lane) => this.#now() - (lane.silentSince ?? this.#now()) <= this.#lease);
    const reply = await this.#base.mark({ ...request, token: beats ? token : undefined, advance: undefined });
    if (!('mark' in reply)) return reply;
    return request.joins
      ? tellLanes(this.#base, this.#lanes, request, reply)
      : { ...reply, lease: this.#seen(reply.lease) };
  }

  /** A lease as the bridge that leads has to see it. */
  #seen(lease: Lease): Lease {
    return this.#isLead(lease.holder, lease.token) ? { ...lease, relayed: this.#writer.written } : lease;
  }

  take(caller: string, token: number, beat: number, options: TakeOptions = {}): Promise<TakeReply> {
    return this.#inTurn(async () => {
      this.#lead = undefined;
      let reply = await this.#base.take(caller, token, beat, options);
      for (let tries = 0; reply.taken; tries++) {
        if (tries === MOST_TRIES) throw stuck();
        const above = await this.#takeLanes(caller, reply.token);
        if (above === undefined) return this.#begin(caller, reply, options);
        // The node of the group came back with an older state: its tokens begin again.
        reply = await this.#base.take(caller, token, beat, { ...options, above });
      }
      return reply;
    });
  }

  /** Takes all lanes. Or resolves to the highest token of those that a later leader has. */
  async #takeLanes(caller: string, token: number): Promise<number | undefined> {
    const replies = await Promise.all(this.#lanes.map(({ store }) => store.lead(caller, token)));
    let above: number | undefined;
    for (const [i, lane] of this.#lanes.entries()) {
      const reply = replies[i];
      if (reply?.led) {
        lane.taken(reply.position, reply.passed);
      } else above = Math.max(above ?? 0, reply?.token ?? 0);
    }
    return above;
  }

  /** The lanes are the caller's: finds where to go on. */
  async #begin(
    caller: string,
    reply: TakeReply & { readonly taken: true },
    { on, seen = 0 }: TakeOptions,
  ): Promise<TakeReply> {
    const { token, position } = reply;
    const { lanes, mark, isPrepared } = await this.#base.noted();
    // Consumers do it where they read; nothing reads at this node.
    if (!isPrepared) await this.#prepare();
    const writer = this.#writer;
    writer.begin(position, on);
    const reached = this.#lanes.map((lane) => lane.reached);
    const furthest = [position, ...reached].reduce((a, b) => (isAfter(b, a) ? b : a), undefined);
    writer.written = furthest && earliestOf(reached.map((at) => at ?? ORIGIN));
    // The node of the group lost marks: what was heard since may have the positions of other messages, which the lanes have.
    const isBehind = furthest !== undefined && Math.max(mark, seen) < furthest.epoch;
    // Another number of lanes, none of which has anything to come.
    const isOther = position !== undefined && lanes !== this.#lanes.length;
    // A mark that its next try has seen may be on its way to it.
    if (isBehind && !this.#wasBehind) {
      this.#wasBehind = true;
      return { taken: false };
    }
    this.#wasBehind = false;
    this.#lead = { caller, token };
    if (isBehind || (isOther && reached.some((at) => isAfter(at, position))))
      writer.passed = { at: furthest as Position, since: position?.epoch ?? 0 };
    // With a position the group tells it when that moves (see relay.lua).
    if (writer.passed && !position)
      await this.#base.missed(caller, { reason: OLDER_STATE, since: writer.passed.since, dropped: 0 });
    if (isBehind || isOther) {
      if (await writer.level({ caller, token, on }, furthest as Position)) return { taken: false };
      writer.written = furthest;
    }
    return { ...reply, position: writer.written };
  }

  relay(request: RelayRequest): Promise<RelayReply> {
    return this.#inTurn(async () => {
      if (!this.#isLead(request.caller, request.token)) return { kind: 'fenced' };
      return (await this.#writer.relay(request)) ?? { kind: 'written' };
    });
  }

  /** Not waited for: a lane that does not answer must not delay the marks. At most one is queued or under way. */
  #levelSoon(lead: Lead): void {
    if (this.#isLeveling || this.#now() - this.#leveledAt < LEVEL_EVERY) return;
    this.#isLeveling = true;
    this.#inTurn(() => this.#level(lead))
      .then(
        () => this.#failures.over(),
        (error) => {
          // Of that the next mark tells.
          if (!hasCode(error, 'OTHER_SERVER')) this.#failures.add(error);
        },
      )
      .finally(() => {
        this.#isLeveling = false;
        this.#leveledAt = this.#now();
      });
  }

  async #level({ caller, token, on }: Lead): Promise<void> {
    const { written, server } = this.#writer;
    if (!written || !this.#isLead(caller, token)) return;
    const refused = await this.#writer.level({ caller, token, on, server }, written);
    // A lane has another leader, though the group has not, any more: the next relay says so, and the lead is taken anew.
    if (refused?.kind === 'fenced') this.#lead = undefined;
  }

  release(
    caller: string,
    token: number,
    _position: Position | undefined,
    on?: string,
  ): Promise<ReleaseReply> {
    return this.#inTurn(async () => {
      if (!this.#isLead(caller, token)) return { kind: 'fenced' };
      const writer = this.#writer;
      const { written, server } = writer;
      const refused = written && (await writer.level({ caller, token, on, server }, written));
      if (refused && refused.kind !== 'late') return refused;
      const reply = await this.#base.release(caller, token, writer.kept, on);
      if (reply.kind !== 'elsewhere') return reply;
      writer.kept = reply.position;
      return writer.backToWritten();
    });
  }

  /** One call after the other: each knows where the one before has left the lanes. */
  #inTurn<Reply>(call: () => Promise<Reply>): Promise<Reply> {
    const reply = this.#turn.then(call);
    this.#turn = reply.catch(() => {});
    return reply;
  }

  #isLead(caller: string, token: number): boolean {
    return this.#lead?.caller === caller && this.#lead.token === token;
  }

  async readLease(): Promise<Lease> {
    return this.#seen(await this.#base.readLease());
  }

  lastMark(on?: string): Promise<number> {
    return this.#base.lastMark(on);
  }

  missed(caller: string, gap: Gap): Promise<void> {
    return this.#base.missed(caller, gap);
  }

  leave(seat: string): Promise<void> {
    return this.#base.leave(seat);
  }
}
