import type { Gap, Lease, Mark, RelayReply, ReleaseReply, TakeReply } from '../core/bridge-store.js';
import { Packed } from '../core/packed.js';
import { comparePositions, type Position } from '../core/position.js';
import { type Limits, PositionedBuffer } from './buffer.js';
import { UnpositionedBuffer } from './unpositioned-buffer.js';

/**
 * The protocol of a bridge, for the length of one subscription: events in, actions out, no I/O and no
 * clock of its own. ARCHITECTURE tells why two of these neither lose nor double.
 *
 *     joining --mark--> following --take--> leading --fenced, or a higher token--> following
 *        |                 |                   |
 *        '---- the subscription ends: see to it that the rest is relayed, by whomever ----> ended
 *
 * At most one action is under way: {@link next} hands it out, one of the reply methods ends it.
 */

export type Phase = 'joining' | 'following' | 'leading' | 'ended';

export type Action =
  | { readonly kind: 'take'; readonly token: number; readonly beat: number }
  | {
      readonly kind: 'relay';
      readonly token: number;
      readonly from: Position | undefined;
      readonly to: Position;
      readonly messages: Packed;
      readonly gap: Gap | undefined;
    }
  /** Look at the lease: where no marks come any more, nothing else tells of it. */
  | { readonly kind: 'look' }
  | { readonly kind: 'release'; readonly token: number; readonly position: Position | undefined };

export interface MachineOptions {
  /** The name under which this subscription leads; unique to it. */
  readonly id: string;
  /** ms without a new beat after which the leader is given up for dead. */
  readonly lease: number;
  /** Most messages in one relay, unless many wait. */
  readonly maxMessages: number;
  /** Most bytes in one relay, about. */
  readonly maxBytes: number;
  /** How much it keeps. */
  readonly limits: Limits;
  /** The highest mark known to have been made before the subscription began, 0 for none. */
  readonly seen: number;
}

/** What the machine wants to say with its next mark. */
export interface MarkIntent {
  readonly seen: number;
  readonly token: number | undefined;
  readonly advance: { readonly from: Position; readonly to: Position } | undefined;
}

/**
 * Of a long queue one relay takes this share, up to so many times the usual: where the machine is busy, each call waits its
 * turn, and a bridge that falls behind must not do so for ever.
 */
const SHARE = 1 / 8;
const MOST_TIMES = 8;

const NOTHING = new Packed(0, []);
const NO_LEASE: Lease = { token: -1, beat: -1, holder: '', relayed: undefined };

export class BridgeMachine {
  readonly #options: MachineOptions;
  #phase: Phase = 'joining';
  #ending = false;
  #underWay: Action | undefined;

  /** Messages that came before the first mark: their positions are unknown, but for the end of the last. */
  readonly #prelude: UnpositionedBuffer;
  /** Where the first mark cut the flow. */
  #start: Position = { epoch: 0, offset: 0 };
  #buffer: PositionedBuffer;
  #seen: number;
  /** Messages let go though nobody is known to have relayed them. */
  #dropped = 0;

  /** The lease as last heard of, and when it was last news (on the observer's own clock). */
  #lease: Lease = NO_LEASE;
  #leaseSince = 0;
  /** How many bridges are subscribed, this one included. */
  #bridges = 1;
  /** Whether what was last heard of the lease is no longer true: a take was refused, or the lead is lost. */
  #outdated = false;
  /** Whether the lease was looked at since the subscription ended. */
  #looked = false;
  /** Whether there was a position ever: that there is none any more means that Redis lost its data. */
  #positioned = false;

  /** Of a leader: its token, the position that it believes stored, and when the leader before last beat. */
  #token = 0;
  #relayed: Position | undefined;
  #lastBeat: number | undefined;
  /** Whether the position must be asked for, because a mark told of an older one. */
  #doubtful = false;
  /** Whether Redis has lost its data, and nobody was told yet. */
  #emptied = false;

  constructor(options: MachineOptions) {
    this.#options = options;
    this.#seen = options.seen;
    this.#prelude = new UnpositionedBuffer(options.limits.bytes);
    this.#buffer = new PositionedBuffer(0, 0, options.limits);
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** The id of the leader as last heard, '' for none. */
  get holder(): string {
    return this.#phase === 'leading' ? this.#options.id : this.#lease.holder;
  }

  /** Messages received and, as far as is known, not yet relayed by anybody. */
  get buffered(): number {
    return this.#prelude.length + this.#buffer.length;
  }

  /** Messages that it let go because the buffer was full, and that nobody is known to have relayed. */
  get dropped(): number {
    return this.#dropped;
  }

  /** The highest mark seen. */
  get seen(): number {
    return this.#seen;
  }

  /** A message came over the channel; it stands in `bytes` from `start` to `end`. */
  message(bytes: Buffer, start = 0, end = bytes.length): void {
    this.#dropped += (this.#phase === 'joining' ? this.#prelude : this.#buffer).push(bytes, start, end);
  }

  /**
   * A mark came over the marks channel.
   *
   * @param now the observer's monotonic clock, ms
   */
  mark(mark: Mark, now: number): void {
    this.#seen = Math.max(this.#seen, mark.epoch);
    if (this.#phase === 'joining') {
      this.#phase = 'following';
      this.#start = { epoch: mark.epoch, offset: 0 };
      this.#buffer = new PositionedBuffer(mark.epoch, now, this.#options.limits);
    } else {
      this.#buffer.cut(mark.epoch, now);
    }
    this.#bridges = mark.bridges;
    this.#observe(mark, now);
  }

  /** No message will come any more: the subscription is lost, or given up. */
  end(): void {
    this.#ending = true;
    // What it received has no positions: it cannot be told from what others relayed.
    if (this.#phase === 'joining') this.#phase = 'ended';
  }

  /** What the next mark should say. A leader that has relayed all moves the position with it, over the silence. */
  markIntent(): MarkIntent {
    if (this.#phase !== 'leading') return { seen: this.#seen, token: undefined, advance: undefined };
    const end = this.#buffer.end;
    const from = this.#relayed;
    const quiet = !this.#underWay && this.#buffer.length === 0 && !this.#lacks();
    if (!quiet || !from || comparePositions(end, from) <= 0)
      return { seen: this.#seen, token: this.#token, advance: undefined };
    // Should the mark not arrive, the next relay is told where the position really is.
    this.#relayed = end;
    return { seen: this.#seen, token: this.#token, advance: { from, to: end } };
  }

  /**
   * What to do now, if anything: nothing while something is under way.
   *
   * @param now the observer's monotonic clock, ms
   * @param mayTake false while an earlier subscription of the same bridge still has messages to relay
   */
  next(now: number, mayTake = true): Action | undefined {
    if (this.#underWay) return undefined;
    this.#underWay = this.#decide(now, mayTake);
    return this.#underWay;
  }

  #decide(now: number, mayTake: boolean): Action | undefined {
    switch (this.#phase) {
      case 'joining':
      case 'ended':
        return undefined;
      case 'following':
        if (this.#ending && !this.#looked) return { kind: 'look' };
        if (mayTake && this.#free(now))
          return { kind: 'take', token: this.#lease.token, beat: this.#lease.beat };
        return this.#ending ? { kind: 'look' } : undefined;
      case 'leading':
        return (
          this.#relay() ??
          (this.#ending ? { kind: 'release', token: this.#token, position: this.#relayed } : undefined)
        );
    }
  }

  /** Whether the lead is there for the taking, for all this bridge can know. */
  #free(now: number): boolean {
    const { holder } = this.#lease;
    const vacant = !this.#outdated && (holder === '' || holder === this.#options.id);
    let patience = vacant ? 0 : this.#options.lease;
    if (this.#defers()) patience += this.#options.lease;
    return now - this.#leaseSince >= patience;
  }

  /** Whether another bridge may have what this one lacks: that one is to go first. */
  #defers(): boolean {
    const { relayed } = this.#lease;
    return this.#bridges > 1 && relayed !== undefined && comparePositions(relayed, this.#buffer.floor) < 0;
  }

  #relay(): Action | undefined {
    const { maxMessages, maxBytes } = this.#options;
    const times = Math.min(Math.max((this.#buffer.length * SHARE) / maxMessages, 1), MOST_TIMES);
    const common = { kind: 'relay', token: this.#token, from: this.#relayed, gap: this.#gap() } as const;
    // All of the prelude in one batch, because only its end has a position.
    if (this.#needsStart()) return { ...common, to: this.#firstStop, messages: this.#prelude.packed() };
    const batch = this.#buffer.head(Math.floor(times * maxMessages), times * maxBytes);
    if (batch) return { ...common, ...batch };
    // A gap is told even where nothing follows it yet.
    if (this.#lacks()) return { ...common, to: this.#buffer.floor, messages: NOTHING };
    // Nothing to write: the answer tells the position.
    if (this.#doubtful && this.#relayed) return { ...common, to: this.#relayed, messages: NOTHING };
    return undefined;
  }

  /** Whether the stored position is before the first mark seen: then the relaying starts at that mark. */
  #needsStart(): boolean {
    return !this.#relayed || comparePositions(this.#relayed, this.#start) < 0;
  }

  /** Whether something is missing between the stored position and what is here. */
  #lacks(): boolean {
    return !this.#relayed || comparePositions(this.#relayed, this.#buffer.floor) < 0;
  }

  /** Where the relaying starts if the stored position is before the first mark: there, or after what was let go since. */
  get #firstStop(): Position {
    return this.#prelude.length > 0 ? this.#start : this.#buffer.floor;
  }

  /** What may be missing between the stored position and what comes next. */
  #gap(): Gap | undefined {
    const { floor, floorCause } = this.#buffer;
    // What the buffer let go of since the first mark comes after the prelude: that is a gap of its own.
    const later = this.#needsStart() && comparePositions(this.#firstStop, floor) < 0;
    const dropped = later ? 0 : this.#dropped;
    // Redis no longer knows when it was last heard; the number of the last mark heard is the time when that was made.
    if (this.#emptied) return { reason: 'Redis lost its data', since: this.#seen, dropped };
    if (dropped > 0) return { reason: 'the buffer was full', since: undefined, dropped };
    if (!this.#relayed || !this.#lacks()) return undefined;
    return floorCause === 'retained' || (floorCause === 'full' && !later)
      ? { reason: 'Redis came back with an older state', since: undefined, dropped }
      : { reason: 'no bridge was subscribed', since: this.#lastBeat, dropped };
  }

  /** Redis answered a take. */
  took(reply: TakeReply, now: number): void {
    this.#underWay = undefined;
    if (this.#phase === 'ended') return; // given up meanwhile: the lease runs out by itself
    if (!reply.taken) {
      this.#outdate(now); // somebody was quicker, or the leader lives
      return;
    }
    this.#phase = 'leading';
    this.#token = reply.token;
    this.#lastBeat = reply.lastBeat;
    this.#doubtful = false;
    this.#stored(reply.position);
    // A position in an epoch that began when it may have been subscribed already cannot be compared with those
    // of the prelude: what was relayed of that epoch may be a part of it. Without any, the prelude is whole.
    const { position } = reply;
    if (position && this.#needsStart() && position.epoch >= this.#options.seen && position.offset > 0)
      this.#prelude.clear();
  }

  /** Redis answered a relay. */
  wrote(reply: RelayReply, now: number): void {
    const action = this.#underWay;
    this.#underWay = undefined;
    if (action?.kind !== 'relay' || this.#phase !== 'leading') return;
    if (reply.kind === 'fenced') {
      this.#follow(now);
      return;
    }
    this.#doubtful = false;
    if (reply.kind === 'written') {
      this.#emptied = false;
      this.#dropped -= action.gap?.dropped ?? 0;
      this.#relayed = action.to;
      this.#positioned = true;
      this.#forget(action.to);
    } else {
      // Nobody else writes under this token: its own relay, whose reply was lost, told it with the position.
      if (reply.position) this.#emptied = false;
      this.#stored(reply.position);
    }
  }

  /** Redis answered a look. */
  looked(lease: Lease, now: number): void {
    this.#underWay = undefined;
    this.#looked = true;
    this.#observe(lease, now);
    if (this.#phase !== 'following' || lease.holder === this.#options.id) return;
    // Where Redis has lost even the position, somebody has to tell, and later subscriptions know of none.
    const lost = this.#positioned && !lease.relayed;
    if (this.#prelude.length === 0 && !this.#buffer.holdsAfter(lease.relayed) && !lost) this.#phase = 'ended';
  }

  /** Redis answered a release. */
  released(reply: ReleaseReply, now: number): void {
    this.#underWay = undefined;
    if (this.#phase === 'ended') return;
    if (reply.kind === 'released') this.#phase = 'ended';
    else if (reply.kind === 'fenced') this.#follow(now);
    else this.#stored(reply.position);
  }

  /** What was under way failed, or nobody knows: {@link next} will ask for what is right then. All actions may be sent twice. */
  failed(now: number): void {
    // While Redis takes nothing or cannot be reached, patience runs out for all: those who lack nothing are to go
    // first when it is back.
    if (this.#phase === 'following' && this.#defers()) this.#leaseSince = now;
    this.#underWay = undefined;
  }

  /** Gives up at once, with whatever is not relayed. */
  abandon(): void {
    this.#ending = true;
    this.#phase = 'ended';
  }

  #observe(lease: Lease, now: number): void {
    const { token, beat, holder } = this.#lease;
    const news = lease.token !== token || lease.beat !== beat || lease.holder !== holder;
    this.#lease = lease;
    this.#outdated = false;
    if (news) this.#leaseSince = now;
    if (this.#phase === 'leading') {
      if (lease.token > this.#token) this.#follow(now);
      else if (this.#isOlder(lease.relayed)) this.#doubtful = true;
    } else if (lease.relayed) {
      this.#positioned = true;
      this.#forget(lease.relayed);
    }
  }

  /** Marks overtake the replies to relays, so this alone does not say that Redis lost anything. */
  #isOlder(position: Position | undefined): boolean {
    return this.#relayed !== undefined && (!position || comparePositions(position, this.#relayed) < 0);
  }

  /** Redis told the position that it has: it can be another than expected, in both directions. */
  #stored(position: Position | undefined): void {
    const lost = position === undefined && this.#positioned;
    this.#relayed = position;
    if (position) {
      this.#positioned = true;
      this.#buffer.rewind(position);
      this.#forget(position);
    } else if (lost) {
      this.#emptied = true;
      // Emptied while it was there to see it: somebody wanted that. Otherwise it was an accident, and all
      // that is here is relayed again.
      if (this.#ending) this.#buffer.rewind(undefined);
    }
  }

  #follow(now: number): void {
    this.#phase = 'following';
    this.#looked = false;
    this.#outdate(now);
  }

  /** What was last heard of the lease is no longer true: not to be acted upon before the next news. */
  #outdate(now: number): void {
    this.#outdated = true;
    this.#leaseSince = now;
  }

  #forget(position: Position): void {
    if (comparePositions(position, this.#start) >= 0) this.#prelude.clear();
    if (comparePositions(position, this.#buffer.floor) >= 0) this.#dropped = 0;
    this.#buffer.relayedThrough(position);
  }
}
