import { performance } from 'node:perf_hooks';
import type {
  BridgeStore,
  Gap,
  Lease,
  MarkReply,
  MarkRequest,
  RelayReply,
  RelayRequest,
  ReleaseReply,
  TakeOptions,
  TakeReply,
} from '../core/bridge-store.js';
import { CgroupError } from '../core/errors.js';
import type { LaneStore, PassedGap, SharedBridgeStore } from '../core/lane-store.js';
import { deal } from '../core/lanes.js';
import { pathOf } from '../core/order-key.js';
import { Packed } from '../core/packed.js';
import { comparePositions, isAfter, isSame, ORIGIN, type Position } from '../core/position.js';
import { type Elsewhere, LaneWriter, MOST_TRIES, stuck } from './lane-writer.js';
import { tellLanes } from './lanes-arrival.js';

/** ms between two times that the leader moves all lanes, and the group behind them. */
const LEVEL_EVERY = 500;

const OLDER = 'Redis came back with an older state';
const NOTHING = new Packed(0, []);

type Call = Pick<RelayRequest, 'caller' | 'token' | 'on' | 'server' | 'within'>;

/**
 * Deals what a bridge relays to the lanes of a group. The bridge knows nothing of them: it has one lease and one position.
 *
 * Two things are always true, also after any node came back with an older state:
 *
 * 1. A lane has each of its messages up to its position, once, or a gap was told before it moved, of which it knows. Its messages, its
 *    position and the gap move in one script, and go back together; it takes only messages after its position; and all bridges deal a message of the
 *    same position to the same lane. So nothing is doubled, whoever writes.
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
  readonly #path: readonly string[] | undefined;
  readonly #now: () => number;
  /** The lead under which the lanes were taken. */
  #lead: { readonly caller: string; readonly token: number } | undefined;
  /** All lanes have what is theirs up to here: the position that the bridge knows. */
  #written: Position | undefined;
  /** The position that is kept for the group. */
  #kept: Position | undefined;
  /** The gap that is recorded before the messages after a position, which may be relayed again. */
  #told: { readonly from: Position | undefined; readonly dropped: number } | undefined;
  /** Whether the marks of the group were behind the lanes when the lead was last taken. */
  #wasBehind = false;
  /** The last gap that is told. */
  #passed: PassedGap | undefined;
  #server: string | undefined;
  #leveledAt = Number.NEGATIVE_INFINITY;
  /** The end of the call that has the lanes. */
  #turn: Promise<unknown> = Promise.resolve();

  /**
   * @param base the group's store
   * @param orderKey where the key of each message is; undefined without order `key`
   * @param now ms, monotonic
   */
  constructor(
    base: SharedBridgeStore,
    lanes: readonly LaneStore[],
    orderKey: string | undefined,
    now: () => number = () => performance.now(),
  ) {
    this.#base = base;
    this.#lanes = lanes.map((store) => new LaneWriter(store));
    this.#path = orderKey === undefined ? undefined : pathOf(orderKey);
    this.#now = now;
  }

  async mark(request: MarkRequest): Promise<MarkReply> {
    const { caller, token, advance, on } = request;
    if (token !== undefined && this.#isLead(caller, token)) {
      // Unless a lane has lost something, of which the bridge has not heard yet.
      if (advance && isSame(advance.from, this.#written)) {
        this.#written = advance.to;
        this.#server = on;
      }
      if (this.#now() - this.#leveledAt >= LEVEL_EVERY) {
        this.#leveledAt = this.#now();
        // Not waited for: a lane that does not answer must not delay the beats.
        void this.#inTurn(() => this.#levelLater({ caller, token, on })).catch(() => {});
      }
    }
    const reply = await this.#base.mark({ ...request, advance: undefined });
    if (!('mark' in reply)) return reply;
    return request.joins
      ? tellLanes(this.#base, this.#lanes, request, reply)
      : { ...reply, lease: this.#seen(reply.lease) };
  }

  /** A lease as the bridge that leads has to see it. */
  #seen(lease: Lease): Lease {
    return this.#isLead(lease.holder, lease.token) ? { ...lease, relayed: this.#written } : lease;
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
        lane.reached = reply.position;
        lane.passed = reply.passed;
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
    const { lanes, mark } = await this.#base.noted();
    this.#kept = position;
    this.#told = undefined;
    this.#server = on;
    this.#passed = undefined;
    for (const { passed } of this.#lanes) if (isAfter(passed?.at, this.#passed?.at)) this.#passed = passed;
    const reached = this.#lanes.map((lane) => lane.reached);
    const furthest = [position, ...reached].reduce((a, b) => (isAfter(b, a) ? b : a), undefined);
    this.#written = furthest && earliest(reached.map((at) => at ?? ORIGIN));
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
      this.#passed = { at: furthest as Position, since: position?.epoch ?? 0 };
    // With a position the group tells it when that moves (see relay.lua).
    if (this.#passed && !position)
      await this.#base.missed(caller, { reason: OLDER, since: this.#passed.since, dropped: 0 });
    if (isBehind || isOther) {
      if (await this.#level({ caller, token, on }, furthest as Position)) return { taken: false };
      this.#written = furthest;
    }
    return { ...reply, position: this.#written };
  }

  relay(request: RelayRequest): Promise<RelayReply> {
    return this.#inTurn(async () => {
      const { caller, token, from, to, messages, gap, server } = request;
      if (!this.#isLead(caller, token)) return { kind: 'fenced' };
      this.#server = server;
      // A lane has lost something, of which the bridge has not heard yet.
      if (isAfter(from, this.#written)) return this.#backToWritten();
      const untold = gap && (await this.#tell(request, gap));
      if (untold) return untold;
      // Without messages it asks for the position, or passes over a gap.
      const dealt = messages.length > 0 && (await this.#deal(request));
      // After a gap, so that the group has a position behind it.
      const elsewhere = dealt || (messages.length === 0 || gap ? await this.#level(request, to) : undefined);
      // It subscribes anew, and tells the lanes.
      if (elsewhere?.kind === 'late' && request.on !== undefined)
        throw new CgroupError('OTHER_SERVER', 'the bridges are at another server now');
      if (elsewhere) return elsewhere;
      this.#written = to;
      this.#told = undefined;
      return { kind: 'written' };
    });
  }

  /**
   * Records a gap before the messages behind it are written: if this leader dies between two lanes, the next one goes on after
   * the gap in some. Once, though the relay may be sent again.
   */
  async #tell(request: RelayRequest, gap: Gap): Promise<Elsewhere | undefined> {
    const { caller, from, to } = request;
    const told = this.#told && isSame(this.#told.from, from) ? this.#told.dropped : undefined;
    if (told !== undefined && told >= gap.dropped) return undefined;
    // What is lost came after the position. A leader that beats may have waited for a lane.
    const since = from && from.epoch > 0 ? Math.min(from.epoch, gap.since ?? from.epoch) : gap.since;
    const rest = { ...gap, since, dropped: gap.dropped - (told ?? 0) };
    const passed = { at: to, since: since ?? to.epoch };
    const refused = this.#kept ? await this.#keep(request, this.#kept, passed, rest) : undefined;
    if (refused) return refused;
    if (!this.#kept) await this.#base.missed(caller, rest);
    this.#told = { from, dropped: gap.dropped };
    this.#passed = passed;
    return undefined;
  }

  /** Writes its part to each lane that has one. */
  #deal(request: RelayRequest): Promise<Elsewhere | undefined> {
    const reached = () => this.#lanes.map((lane) => lane.reached);
    const parts = () => deal(request, reached(), this.#path);
    const first = parts();
    return this.#writeAll(request, false, (i, tries) => (tries === 0 ? first : parts())[i] ?? NOTHING);
  }

  /** Moves all lanes to a position, or finds what they have lost; then the group, which never goes back. */
  async #level(call: Call, to: Position): Promise<Elsewhere | undefined> {
    const { caller, token, server, within } = call;
    const request = { caller, token, server, within, from: to, to, messages: NOTHING, packSize: 1 };
    return (await this.#writeAll(request, true, () => NOTHING)) ?? this.#keep(call, to, this.#passed);
  }

  async #levelLater(call: Call): Promise<void> {
    if (!this.#written || !this.#isLead(call.caller, call.token)) return;
    const elsewhere = await this.#level({ ...call, server: this.#server }, this.#written);
    // A lane has another leader, though the group has not, any more: the next relay says so, and the lead is taken anew.
    if (elsewhere?.kind === 'fenced') this.#lead = undefined;
  }

  /** Resolves to what keeps it from counting. What a lane has lost is taken note of in any case. */
  async #writeAll(
    request: RelayRequest,
    always: boolean,
    partOf: (lane: number, tries: number) => Packed,
  ): Promise<Elsewhere | undefined> {
    const results = await Promise.allSettled(
      this.#lanes.map((lane, i) =>
        lane.write({ ...request, passed: this.#passed }, (tries) => partOf(i, tries), always),
      ),
    );
    let kept: Elsewhere | undefined;
    let failed: PromiseRejectedResult | undefined;
    for (const result of results) {
      if (result.status === 'rejected') failed = result;
      else if (result.value?.kind === 'elsewhere') {
        this.#written = earliest([this.#written ?? ORIGIN, result.value.position ?? ORIGIN]);
        kept ??= result.value;
      } else if (result.value) kept = result.value;
    }
    if (failed) throw failed.reason;
    return kept?.kind === 'elsewhere' ? this.#backToWritten() : kept;
  }

  #backToWritten(): Elsewhere {
    return { kind: 'elsewhere', position: this.#written };
  }

  /** All lanes are at a position, or further, and have passed a gap: keeps it for the group, unless that is further. */
  async #keep(
    { caller, token, on, server }: Call,
    to: Position,
    last: PassedGap | undefined,
    gap?: Gap,
  ): Promise<Elsewhere | undefined> {
    const passed = last && { ...last, reason: OLDER };
    const rest = { messages: NOTHING, packSize: 1, lanes: this.#lanes.length, passed, gap };
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const from = this.#kept;
      const target = from && isAfter(from, to) ? from : to;
      const reply = await this.#base.relay({ caller, token, on, server, from, to: target, ...rest });
      if (reply.kind === 'written') {
        this.#kept = target;
        return undefined;
      }
      if (reply.kind !== 'elsewhere') return reply;
      // Its own reply was lost, or the node came back with an older state, which is none of the lanes'.
      this.#kept = reply.position;
    }
    throw stuck();
  }

  release(
    caller: string,
    token: number,
    _position: Position | undefined,
    on?: string,
  ): Promise<ReleaseReply> {
    return this.#inTurn(async () => {
      if (!this.#isLead(caller, token)) return { kind: 'fenced' };
      const call = { caller, token, on, server: this.#server };
      const elsewhere = this.#written && (await this.#level(call, this.#written));
      if (elsewhere && elsewhere.kind !== 'late') return elsewhere;
      const reply = await this.#base.release(caller, token, this.#kept, on);
      if (reply.kind !== 'elsewhere') return reply;
      this.#kept = reply.position;
      return this.#backToWritten() as ReleaseReply;
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

function earliest(positions: readonly Position[]): Position | undefined {
  return positions.reduce<Position | undefined>(
    (first, one) => (first && comparePositions(first, one) <= 0 ? first : one),
    undefined,
  );
}
