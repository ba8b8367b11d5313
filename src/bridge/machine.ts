import type {
  Gap,
  Lease,
  MadeMark,
  MarkRequest,
  RelayReply,
  RelayRequest,
  ReleaseReply,
  TakeReply,
} from '../core/bridge-store.js';
import { comparePositions, type Position } from '../core/position.js';
import type { Limits } from './buffer.js';
import { LeaseWatch } from './lease-watch.js';
import { NOTHING, ReceivedMessages } from './received-messages.js';

export type Phase = 'joining' | 'following' | 'leading' | 'ended';

/** What the machine wants done next. */
export type Action =
  | { readonly kind: 'take'; readonly token: number; readonly beat: number }
  | ({ readonly kind: 'relay' } & Omit<RelayRequest, 'caller' | 'packSize'>)
  /** Read the lease: after the subscription has ended no marks come. */
  | { readonly kind: 'look' }
  | { readonly kind: 'release'; readonly token: number; readonly position: Position | undefined };

export interface MachineOptions {
  /** The name under which this subscription leads; unique to it. */
  readonly id: string;
  /** ms without a new beat after which the leader counts as dead. */
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

/**
 * The protocol of a bridge during one subscription: events in, actions out, no I/O and no clock of its own. ARCHITECTURE says
 * why several of these neither lose nor double a message.
 *
 *     joining --mark--> following --take--> leading --fenced, or a higher token--> following
 *        |                 |                   |
 *        '---- the subscription ends: make sure that the rest is relayed, here or elsewhere ----> ended
 *
 * At most one action is under way: {@link next} returns it, one of the reply methods ends it.
 */
export class BridgeMachine {
  readonly #options: MachineOptions;
  #phase: Phase = 'joining';
  /** Whether no more messages come. */
  #ending = false;
  #underWay: Action | undefined;
  readonly #received: ReceivedMessages;
  /** The highest mark seen. */
  #seen: number;
  /** Whether it is known which marks were made before the subscription. */
  #mayJoin = false;

  readonly #leaseWatch = new LeaseWatch();
  /** How many bridges are subscribed, this one included. */
  #bridges = 1;
  /** Whether the lease was read since the subscription ended. */
  #looked = false;
  /** Whether Redis ever had a position: if it has none any more, it lost its data. */
  #hadPosition = false;

  /** Of a leader: its token, the position that it believes stored, and, until its first relay, when the leader before last beat. */
  #token = 0;
  #relayed: Position | undefined;
  #lastBeat: number | undefined;
  /** Whether to ask for the stored position, because an older one was reported. */
  #doubtful = false;
  /** Whether Redis has lost its data and no gap is written for that yet. */
  #emptied = false;

  constructor(options: MachineOptions) {
    this.#options = options;
    this.#seen = options.seen;
    this.#received = new ReceivedMessages(options.limits);
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** The id of the leader as last reported, '' for none. */
  get holder(): string {
    return this.#phase === 'leading' ? this.#options.id : this.#leaseWatch.lease.holder;
  }

  /** Messages received and not known to be relayed. */
  get buffered(): number {
    return this.#received.length;
  }

  /** Messages dropped because the buffer was full, and not known to be relayed. */
  get dropped(): number {
    return this.#received.dropped;
  }

  /** The highest mark seen. */
  get seen(): number {
    return this.#seen;
  }

  /** A message came over the channel; it stands in `bytes` from `start` to `end`. */
  message(bytes: Buffer, start = 0, end = bytes.length): void {
    this.#received.append(bytes, start, end);
  }

  /**
   * The subscription has begun, and `lastMark` was made before. Only a later mark may be its first: an older one that is
   * heard again stands at another place for the other bridges.
   */
  subscribed(lastMark: number): void {
    this.#seen = Math.max(this.#seen, lastMark);
    this.#mayJoin = true;
  }

  /** A genuine mark came at `now` (ms, monotonic). Returns false if it was heard before: then it is ignored. */
  cut(epoch: number, now: number): boolean {
    if (!this.#mayJoin) return true;
    if (epoch <= this.#seen) return false;
    this.#seen = epoch;
    if (this.#phase === 'joining') this.#phase = 'following';
    this.#received.cut(epoch, now);
    return true;
  }

  /** Redis answered a mark. Only Redis says who leads and what is relayed: anyone may publish on the marks channel. */
  marked({ bridges, lease }: Pick<MadeMark, 'bridges' | 'lease'>, now: number): void {
    this.#bridges = bridges;
    this.#observe(lease, now);
  }

  /** No more messages come: the subscription is lost, or given up. */
  end(): void {
    this.#ending = true;
    // Its messages have no positions: others may have relayed any of them.
    if (this.#phase === 'joining') this.#phase = 'ended';
  }

  /** What the next mark says. While no messages come, the mark of a leader moves the position. */
  markIntent(): Pick<MarkRequest, 'seen' | 'token' | 'advance'> {
    const seen = this.#seen;
    if (this.#phase !== 'leading') return { seen, token: undefined, advance: undefined };
    const token = this.#token;
    const { end, length } = this.#received;
    const from = this.#relayed;
    const idle = !this.#underWay && length === 0 && !this.#received.lacksAfter(from);
    if (!idle || !from || comparePositions(end, from) <= 0) return { seen, token, advance: undefined };
    // If the mark does not arrive, the reply to the next relay has the true position.
    this.#relayed = end;
    return { seen, token, advance: { from, to: end } };
  }

  /**
   * What to do now, if anything: nothing while an action is under way.
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
      case 'following': {
        if (this.#ending && !this.#looked) return { kind: 'look' };
        const { token, beat } = this.#leaseWatch.lease;
        if (mayTake && this.#isLeadFree(now)) return { kind: 'take', token, beat };
        return this.#ending ? { kind: 'look' } : undefined;
      }
      case 'leading':
        return (
          this.#relay() ??
          (this.#ending ? { kind: 'release', token: this.#token, position: this.#relayed } : undefined)
        );
    }
  }

  /** Whether this bridge may try to take the lead. */
  #isLeadFree(now: number): boolean {
    const { id, lease } = this.#options;
    if (!this.#leaseWatch.known) return false;
    let patience = this.#leaseWatch.isVacantFor(id) ? 0 : lease;
    if (this.#defers()) patience += lease;
    return this.#leaseWatch.unchangedFor(now) >= patience;
  }

  /** Whether another bridge may have what this one lacks: then the other goes first. */
  #defers(): boolean {
    const { relayed } = this.#leaseWatch.lease;
    return this.#bridges > 1 && relayed !== undefined && this.#received.lacksAfter(relayed);
  }

  #relay(): Action | undefined {
    const { maxMessages, maxBytes } = this.#options;
    const from = this.#relayed;
    const batch =
      this.#received.nextBatch(from, maxMessages, maxBytes) ??
      // Nothing to write: the reply has the position.
      (this.#doubtful && from ? { messages: NOTHING, to: from } : undefined);
    return batch && { kind: 'relay', token: this.#token, from, gap: this.#gap(), ...batch };
  }

  /** What may be missing between the stored position and the next batch. */
  #gap(): Gap | undefined {
    const { dropped, cause } = this.#received.missingAfter(this.#relayed);
    // Redis may no longer have the time of the last beat; the number of the last mark is the time when it was made.
    if (this.#emptied) return { reason: 'Redis lost its data', since: this.#lastBeat ?? this.#seen, dropped };
    if (dropped > 0) return { reason: 'the buffer was full', since: undefined, dropped };
    if (!this.#relayed || !cause) return undefined;
    return cause === 'start'
      ? { reason: 'no bridge was subscribed', since: this.#lastBeat, dropped }
      : { reason: 'Redis came back with an older state', since: undefined, dropped };
  }

  /** Redis answered a take. */
  took(reply: TakeReply, now: number): void {
    this.#underWay = undefined;
    if (this.#phase === 'ended') return; // abandoned meanwhile: the lease runs out by itself
    if (!reply.taken) {
      this.#leaseWatch.outdate(now); // another bridge was faster, or the leader lives
      return;
    }
    this.#phase = 'leading';
    this.#token = reply.token;
    this.#lastBeat = reply.lastBeat;
    this.#doubtful = false;
    const { position } = reply;
    this.#hadPosition ||= reply.lost;
    this.#learnPosition(position);
    // Messages without positions cannot be compared with a position in an epoch that may have begun after the subscription:
    // some of them may be relayed. Without a position, none is.
    const mayOverlap = position && position.epoch >= this.#options.seen && position.offset > 0;
    if (mayOverlap && this.#received.startsAfter(position)) this.#received.forgetUnpositioned();
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
      this.#received.gapWritten(action.gap?.dropped ?? 0);
      this.#relayed = action.to;
      this.#lastBeat = undefined;
      this.#hadPosition = true;
      this.#received.relayedThrough(action.to);
    } else {
      // No other bridge writes under this token: its own relay, whose reply was lost, wrote the gap with the position.
      if (reply.position) this.#emptied = false;
      this.#learnPosition(reply.position);
    }
  }

  /** Redis answered a look. */
  looked(lease: Lease, now: number): void {
    this.#underWay = undefined;
    this.#looked = true;
    this.#observe(lease, now);
    if (this.#phase !== 'following' || lease.holder === this.#options.id) return;
    // If Redis lost even the position, this subscription must record the gap: later ones know of no position.
    const lost = this.#hadPosition && !lease.relayed;
    if (!this.#received.holdsAfter(lease.relayed) && !lost) this.#phase = 'ended';
  }

  /** Redis answered a release. */
  released(reply: ReleaseReply, now: number): void {
    this.#underWay = undefined;
    if (this.#phase === 'ended') return;
    if (reply.kind === 'released') this.#phase = 'ended';
    else if (reply.kind === 'fenced') this.#follow(now);
    else this.#learnPosition(reply.position);
  }

  /** The action under way failed, or its outcome is unknown. {@link next} decides anew: all actions may be sent twice. */
  failed(now: number): void {
    // While Redis refuses or cannot be reached, the lease runs out for all bridges: those that lack nothing go first when it
    // is back.
    if (this.#phase === 'following' && this.#defers()) this.#leaseWatch.restart(now);
    this.#underWay = undefined;
  }

  /** Gives up at once; messages that are not relayed stay so. */
  abandon(): void {
    this.#ending = true;
    this.#phase = 'ended';
  }

  #observe(lease: Lease, now: number): void {
    this.#leaseWatch.observe(lease, now);
    const { token, relayed } = lease;
    if (this.#phase === 'leading') {
      if (token > this.#token) this.#follow(now);
      else if (this.#isOlder(relayed)) this.#doubtful = true;
    } else if (relayed) {
      this.#hadPosition = true;
      this.#received.relayedThrough(relayed);
    }
  }

  /** An older position alone does not prove that Redis lost anything: the reply to a relay may be lost. */
  #isOlder(position: Position | undefined): boolean {
    return this.#relayed !== undefined && (!position || comparePositions(position, this.#relayed) < 0);
  }

  /** Redis replied with the position that it has: before the expected one, after it, or the same. */
  #learnPosition(position: Position | undefined): void {
    this.#relayed = position;
    if (position) {
      this.#hadPosition = true;
      this.#received.rewind(position);
    } else if (this.#hadPosition) {
      this.#emptied = true;
      // Emptied under a live subscription, it was on purpose. Otherwise it was an accident: all that is kept is relayed again.
      if (this.#ending) this.#received.rewind(undefined);
    }
  }

  #follow(now: number): void {
    this.#phase = 'following';
    this.#looked = false;
    this.#leaseWatch.outdate(now);
  }
}
