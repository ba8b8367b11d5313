import type {
  BridgeStore,
  Gap,
  Lease,
  MarkReply,
  MarkRequest,
  RelayReply,
  RelayRequest,
  ReleaseReply,
  TakeReply,
} from '../core/bridge-store.js';
import type { LaneStore, NotedRelay, SharedBridgeStore, Whole } from '../core/lane-store.js';
import { deal, isUnpositioned } from '../core/lanes.js';
import { pathOf } from '../core/order-key.js';
import { Packed } from '../core/packed.js';
import { isAfter, isSame, type Position } from '../core/position.js';
import { type Elsewhere, LaneWriter, MOST_TRIES, stuck } from './lane-writer.js';

/** ms between two looks of the leader at the positions of all lanes. */
const LOOK_EVERY = 500;

/** Before every position: where a lane is that lost everything. */
const START: Position = { epoch: 0, offset: 0 };

const NOTHING = new Packed(0, []);

/**
 * Deals what a bridge relays to the lanes of a group. The bridge knows nothing of them: it has one lease and one position.
 *
 * Exactly once follows from positions alone. A lane's position moves with what is written there, both or neither, and all bridges
 * deal a message to the same lane. So a lane has each of its messages up to its position, once, whoever wrote them, and gets only
 * those after it. The position of the group moves when all lanes have theirs: a leader that dies before leaves lanes that are
 * further, and the next one skips there what they have. Nothing is written by a leader that another one has followed: each
 * lane has the token of its leader, and the position that the next one gets with it is final.
 *
 * How far each lane was written is noted with the position of the group. A lane that has an earlier position lost its last moments
 * (its master failed over): the machine goes back to that position and relays again what it retains, and the other lanes skip it.
 */
export class LanesBridgeStore implements BridgeStore {
  readonly #base: SharedBridgeStore;
  readonly #lanes: readonly LaneWriter[];
  readonly #path: readonly string[] | undefined;
  readonly #now: () => number;
  /** The lead under which the lanes were taken. */
  #lead: { readonly caller: string; readonly token: number } | undefined;
  /** The position of the group. */
  #position: Position | undefined;
  /** The last gap that is recorded, whose messages may be relayed again. */
  #told: { readonly before: string; readonly dropped: number } | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** A lane seems to be at this earlier position: a relay asks. */
  #suspect: { readonly position: Position } | undefined;

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
    this.#lanes = lanes.map((store, number) => new LaneWriter(number, store));
    this.#path = orderKey === undefined ? undefined : pathOf(orderKey);
    this.#now = now;
  }

  async mark(request: MarkRequest): Promise<MarkReply> {
    const { caller, token } = request;
    const leads = this.#isLead(caller, token);
    if (leads && this.#now() - this.#lookedAt >= LOOK_EVERY) {
      this.#lookedAt = this.#now();
      // Not waited for: a lane that does not answer must not delay the beats.
      void this.#suspectLanes().catch(() => {});
    }
    const reply = await this.#base.mark(request);
    if (!('mark' in reply) || !leads || !this.#isLead(caller, token)) return reply;
    const { lease } = reply;
    // It may have moved the position over silence.
    if (lease.holder === caller && lease.token === token) this.#moveTo(lease.relayed);
    return this.#suspect ? { ...reply, lease: { ...lease, relayed: this.#suspect.position } } : reply;
  }

  async take(caller: string, token: number, beat: number, on?: string): Promise<TakeReply> {
    this.#lead = undefined;
    let reply = await this.#base.take(caller, token, beat, on);
    for (let tries = 0; reply.taken; tries++) {
      if (tries === MOST_TRIES) throw stuck();
      const found = await this.#takeLanes(caller, reply.token);
      if ('wholes' in found) return this.#begin(caller, reply, found.wholes, on);
      // The Redis of the group came back with an older state: its tokens begin again.
      reply = await this.#base.take(caller, token, beat, on, found.above);
    }
    return reply;
  }

  /** Takes all lanes. Or the highest token of those that a later leader has. */
  async #takeLanes(
    caller: string,
    token: number,
  ): Promise<{ readonly wholes: readonly Whole[] } | { readonly above: number }> {
    const wholes: Whole[] = [];
    let above = 0;
    await Promise.all(
      this.#lanes.map(async (lane) => {
        const reply = await lane.store.lead(caller, token);
        if (!reply.led) above = Math.max(above, reply.token);
        else {
          lane.reached = reply.position;
          lane.lost = undefined;
          if (reply.whole) wholes.push(reply.whole);
        }
      }),
    );
    return above > 0 ? { above } : { wholes };
  }

  /** The lanes are the caller's. */
  async #begin(
    caller: string,
    reply: TakeReply & { readonly taken: true },
    wholes: readonly Whole[],
    on: string | undefined,
  ): Promise<TakeReply> {
    const { token } = reply;
    this.#position = reply.position;
    this.#suspect = undefined;
    this.#told = undefined;
    // A leader wrote messages without positions, and did not come to move the position.
    const whole = wholes.find(({ from, to }) => isSame(from, reply.position) && isAfter(to, reply.position));
    if (whole) {
      const moved = { caller, token, from: reply.position, to: whole.to, messages: NOTHING, packSize: 1, on };
      if ((await this.#base.relay(moved)).kind !== 'written') return { taken: false };
      this.#position = whole.to;
    }
    const noted = await this.#base.reached(this.#lanes.length);
    for (const lane of this.#lanes) {
      const before = noted[lane.number];
      lane.noted = before;
      if (before && isAfter(before, lane.reached)) lane.lost = before;
    }
    this.#lead = { caller, token };
    return { ...reply, position: this.#earliest };
  }

  /** The position of the group, or an earlier one of a lane that lost something. */
  get #earliest(): Position | undefined {
    let earliest = this.#position;
    for (const { lost, reached = START } of this.#lanes)
      if (lost && !isAfter(reached, earliest)) earliest = reached;
    return earliest;
  }

  #backToLost(): Elsewhere {
    return { kind: 'elsewhere', position: this.#earliest };
  }

  async relay(request: RelayRequest): Promise<RelayReply> {
    const { caller, token, from, messages } = request;
    if (!this.#isLead(caller, token)) return { kind: 'fenced' };
    // An earlier call found it, and could not say so.
    const isAhead = ({ lost, reached = START }: LaneWriter) => lost !== undefined && isAfter(from, reached);
    if (this.#lanes.some(isAhead)) return this.#backToLost();
    // It asks for the position, or has only a gap to record: a lane that lost something is not found by writing to it.
    const lost = messages.length === 0 ? await this.#look() : undefined;
    if (lost) return lost;
    const gap = this.#gapOf(request);
    const untold = gap && (await this.#tell(request, gap));
    if (untold) return untold;
    const apart = isUnpositioned(request) && this.#mayOverlap(request);
    const elsewhere = await this.#write(apart ? { ...request, messages: NOTHING } : request);
    return elsewhere ?? this.#move(request);
  }

  /** Whether some of the messages without positions may be in a lane already: a dead leader wrote it further than the position. */
  #mayOverlap({ from, to }: RelayRequest): boolean {
    const isFurther = ({ reached }: LaneWriter) => isAfter(reached, from) && !isSame(reached, to);
    return isAfter(this.#position, from) || this.#lanes.some(isFurther);
  }

  /** Messages without positions that may be in a lane already are not relayed, which is a gap. */
  #gapOf(request: RelayRequest): Gap | undefined {
    const { from, gap } = request;
    if (isUnpositioned(request) && this.#mayOverlap(request)) {
      const reason = 'no bridge was subscribed';
      return { reason, since: gap?.since ?? from?.epoch, dropped: gap?.dropped ?? 0 };
    }
    // The machine takes it for the position of a group that has just begun.
    if (gap && from && isSame(from, START))
      return { ...gap, reason: 'Redis came back with an older state', since: undefined };
    return gap;
  }

  /**
   * Records a gap before the messages behind it: if this leader dies between two lanes, the next one goes on after the gap in
   * some. Once, though the relay may be sent again.
   */
  async #tell({ caller, token, from, on, server }: RelayRequest, gap: Gap): Promise<Elsewhere | undefined> {
    const before = JSON.stringify([token, from, gap.reason]);
    const told = this.#told?.before === before ? this.#told.dropped : undefined;
    if (told !== undefined && told >= gap.dropped) return undefined;
    const rest = { ...gap, dropped: gap.dropped - (told ?? 0) };
    const position = this.#position;
    if (position) {
      const here = { from: position, to: position, messages: NOTHING, packSize: 1 };
      const reply = await this.#base.relay({ caller, token, on, server, gap: rest, ...here });
      if (reply.kind !== 'written') return this.#learn(reply);
    } else await this.#base.missed(caller, rest);
    this.#told = { before, dropped: gap.dropped };
    return undefined;
  }

  /** Writes its part to each lane that has one. Resolves to what keeps the others from counting. */
  async #write(request: RelayRequest): Promise<Elsewhere | undefined> {
    const { to } = request;
    const whole = isUnpositioned(request) && !this.#path ? { from: this.#position, to } : undefined;
    const parts = deal(request, this.#reached, this.#path);
    const results = await Promise.allSettled(
      this.#lanes.map((lane) =>
        lane.write({ ...request, whole }, parts[lane.number] ?? NOTHING, () => {
          // Another one may be further by now: only its own part counts.
          return deal(request, this.#reached, this.#path)[lane.number] ?? NOTHING;
        }),
      ),
    );
    let elsewhere: Elsewhere | undefined;
    for (const result of results) {
      if (result.status === 'rejected') throw result.reason;
      if (result.value?.kind === 'fenced') return result.value;
      elsewhere ??= result.value;
    }
    return elsewhere && this.#backToLost();
  }

  get #reached(): (Position | undefined)[] {
    return this.#lanes.map(({ reached }) => reached);
  }

  /** All lanes have their messages: moves the position of the group, unless it went back for a lane. */
  async #move({ from, to, caller, token, on, server }: RelayRequest): Promise<RelayReply> {
    // A lane that lost something is not back where it was noted to be.
    const moved = this.#lanes.filter((lane) => isAfter(lane.reached, lane.noted));
    const reached = new Map(moved.flatMap(({ number, reached: at }) => (at ? [[number, at] as const] : [])));
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const position = this.#position;
      const isBehind = position !== undefined && !isAfter(to, position);
      if (isBehind && !isSame(from, to)) return { kind: 'written' };
      const target = isBehind ? position : to;
      const request: NotedRelay = {
        ...{ caller, token, from: position, to: target, messages: NOTHING, packSize: 1, on, server, reached },
      };
      const reply = await this.#base.relay(request);
      if (reply.kind === 'written') {
        this.#position = target;
        for (const lane of moved) lane.noted = reached.get(lane.number);
        return reply;
      }
      const elsewhere = this.#learn(reply);
      if (reply.kind !== 'elsewhere' || isAfter(position, reply.position)) return elsewhere;
    }
    throw stuck();
  }

  /** The group's position is elsewhere: its own reply was lost, or Redis came back with an older state. */
  #learn(reply: Elsewhere): Elsewhere {
    if (reply.kind === 'elsewhere') this.#moveTo(reply.position);
    return reply;
  }

  /** The group's position is this one. If it went back, so did what was noted with it. */
  #moveTo(position: Position | undefined): void {
    if (isAfter(this.#position, position)) for (const lane of this.#lanes) lane.noted = undefined;
    this.#position = position;
  }

  /** Asks all lanes where they are. No relay is under way. */
  async #look(): Promise<Elsewhere | undefined> {
    const found = await Promise.all(this.#lanes.map(({ store }) => store.position()));
    this.#suspect = undefined;
    let isLost = false;
    for (const [i, lane] of this.#lanes.entries()) {
      if (isAfter(lane.reached, found[i])) {
        lane.lose(found[i]);
        isLost = true;
      } else lane.reached = found[i];
    }
    return isLost ? this.#backToLost() : undefined;
  }

  /** The same while relays may be under way: what it finds is to be looked at again. */
  async #suspectLanes(): Promise<void> {
    await Promise.all(
      this.#lanes.map(async (lane) => {
        const before = lane.reached;
        const position = await lane.store.position();
        if (isAfter(before, position)) this.#suspect = { position: position ?? START };
      }),
    );
  }

  async release(
    caller: string,
    token: number,
    position: Position | undefined,
    on?: string,
  ): Promise<ReleaseReply> {
    if (!this.#isLead(caller, token)) return { kind: 'fenced' };
    const lost = await this.#look();
    if (lost && lost.kind !== 'late') return lost;
    return this.#base.release(caller, token, position, on);
  }

  #isLead(caller: string, token: number | undefined): boolean {
    return this.#lead?.caller === caller && this.#lead.token === token;
  }

  readLease(): Promise<Lease> {
    return this.#base.readLease();
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
