import type {
  Gap,
  Home,
  Lease,
  MadeMark,
  MarkRequest,
  RelayReply,
  ReleaseReply,
  TakeReply,
} from '../core/bridge-store.js';
import { NOTHING } from '../core/packed.js';
import { comparePositions, type Position } from '../core/position.js';
import type { Action, MachineOptions, Phase } from './action.js';
import { gapOf } from './gap.js';
import { LeaseWatch } from './lease-watch.js';
import { ReceivedMessages } from './received-messages.js';

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
  #server: string | undefined;
  /** Whether Redis takes no more of this server: the gap of the next leader covers the rest. */
  #isLate = false;
  #strayed: Gap | undefined;
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
    this.#received = new ReceivedMessages(options.limits, options.allPositioned);
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

  /** The gap of the messages that came here when the other bridges were at another server already. */
  get strayed(): Gap | undefined {
    return this.#strayed;
  }

  /** A message came over the channel; it stands in `bytes` from `start` to `end`. */
  message(bytes: Buffer, start = 0, end = bytes.length): void {
    this.#received.append(bytes, start, end);
  }

  /**
   * The subscription has begun, and `lastMark` was made before. Only a later mark may be its first: an older one that is
   * heard again stands at another place for the other bridges.
   *
   * Marks of a sharded channel are published after they are made, perhaps in another order: one that is not higher than all before
   * it is ignored. All that was published before the subscription was made before `lastMark` was read, so it is not higher. So a mark
   * that counts here is higher than all that any bridge has heard, and all cut there. `server`: undefined on a plain Redis.
   */
  subscribed(lastMark: number, server?: string): void {
    this.#seen = Math.max(this.#seen, lastMark);
    this.#server = server;
    this.#mayJoin = true;
  }

  /** A genuine mark came at `now` (ms, monotonic). Returns false if it was heard before: then it is ignored. */
  cut(epoch: number, now: number): boolean {
    if (this.#mayJoin && epoch <= this.#seen) return false;
    this.#seen = Math.max(this.#seen, epoch);
    if (!this.#mayJoin) return true;
    if (this.#phase === 'joining') {
      if (epoch < (this.#options.positionsFrom ?? 0)) return true;
      this.#phase = 'following';
    }
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
    // After the end, or once it is late, its positions may count no more: the others may be at another server.
    const counts = this.#server === undefined || !(this.#ending || this.#isLate);
    const idle = counts && !this.#underWay && length === 0 && !this.#received.lacksAfter(from);
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
        // It may have led at an earlier server.
        if (this.#ending && this.#server !== undefined && !this.#looked) return { kind: 'look' };
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
    const patience = (this.#leaseWatch.isVacantFor(id) ? 0 : lease) + (this.#defers() ? lease : 0);
    return this.#leaseWatch.unchangedFor(now) >= patience;
  }

  /** Whether another bridge may have what this one lacks: then the other goes first. */
  #defers(): boolean {
    const { relayed } = this.#leaseWatch.lease;
    return this.#bridges > 1 && relayed !== undefined && this.#received.lacksAfter(relayed);
  }

  #relay(): Action | undefined {
    if (this.#isLate) return undefined;
    const { maxMessages, maxBytes, lateAfter } = this.#options;
    const from = this.#relayed;
    const batch =
      this.#received.nextBatch(from, maxMessages, maxBytes) ??
      // Nothing to write: the reply has the position.
      (this.#doubtful && from ? { messages: NOTHING, to: from } : undefined);
    const common = { token: this.#token, from, gap: this.#gap(), server: this.#server, lateAfter };
    return batch && { kind: 'relay', ...common, ...batch };
  }

  #gap(): Gap | undefined {
    // Redis may no longer have the time of the last beat; the number of the last mark is the time when it was made.
    const emptiedSince = this.#emptied ? (this.#lastBeat ?? this.#seen) : undefined;
    const missing = this.#received.missingAfter(this.#relayed, this.#server === undefined);
    const { home } = this.#leaseWatch.lease;
    return gapOf(missing, this.#relayed, this.#lastBeat, emptiedSince, home);
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
    // some of them may be relayed, as may some at another server, whatever the position is. Without a position, none is.
    const { seen, positionsFrom = 0 } = this.#options;
    const mayOverlap =
      position && ((position.epoch >= seen && position.offset > 0) || position.epoch < positionsFrom);
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
    if (reply.kind === 'late') {
      this.#isLate = true;
      this.#received.forgetFrom(0);
    } else if (reply.kind === 'written') {
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
    const { token, relayed, home } = lease;
    if (home && this.#server !== undefined && home.server !== this.#server) this.#stray(home);
    if (this.#phase === 'leading') {
      if (token > this.#token) this.#follow(now);
      else if (this.#isOlder(relayed)) this.#doubtful = true;
    } else if (relayed) {
      this.#hadPosition = true;
      this.#received.relayedThrough(relayed);
    }
  }

  /** The other bridges are at another server, with positions from a mark on: what came here later can no longer be relayed. */
  #stray({ since }: Home): void {
    if (this.#received.end.epoch < since) return;
    this.#received.forgetFrom(since);
    this.#strayed = { reason: 'the other bridges were at another server', since, dropped: 0 };
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
