import { comparePositions, type Position } from '../position.js';
import type { Gap, Mark, RelayReply, TakeReply } from '../redis/lease.js';
import { PositionedBuffer } from './buffer.js';

/**
 * The protocol of a bridge, for the length of one subscription: events in, actions out, no I/O and no
 * clock of its own. ARCHITECTURE tells why two of these neither lose nor double.
 *
 *     joining --mark--> following --take--> leading --fenced, or a higher token--> following
 *        |                 |                   |
 *        '------ the subscription ends: relay the rest (if leading), release ------> ended
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
      readonly messages: readonly Buffer[];
      readonly gap: Gap | undefined;
    }
  | { readonly kind: 'release'; readonly token: number | undefined };

export interface MachineOptions {
  /** The name under which this subscription leads; unique to it. */
  readonly id: string;
  /** ms without a new beat after which the leader is given up for dead. */
  readonly lease: number;
  /** Most messages in one relay. */
  readonly maxMessages: number;
  /** Most bytes in one relay, about. */
  readonly maxBytes: number;
}

/** What the machine wants to say with its next mark. */
export interface MarkIntent {
  readonly seen: number;
  readonly token: number | undefined;
  readonly advance: { readonly from: Position; readonly to: Position } | undefined;
}

export class BridgeMachine {
  readonly #options: MachineOptions;
  #phase: Phase = 'joining';
  #ending = false;
  #underWay: Action | undefined;

  /** Messages that came before the first mark: their positions are unknown, but for the end of the last. */
  #prelude: Buffer[] = [];
  /** Where the first mark cut the flow. */
  #start: Position = { epoch: 0, offset: 0 };
  #buffer = new PositionedBuffer(0);
  #seen = 0;

  /** The lease, as the last mark told it, and when that was news (on the observer's own clock). */
  #holder = '';
  /** Whether the lead is there for the taking: nobody has it, or an earlier self whose take was not answered. */
  #vacant = false;
  #observedToken = -1;
  #observedBeat = -1;
  #observedAt = 0;

  /** Of a leader: its token, the position that it believes stored, and the last one known to be written. */
  #token = 0;
  #relayed: Position | undefined;
  #written: Position | undefined;
  #gap: Gap | undefined;

  constructor(options: MachineOptions) {
    this.#options = options;
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** The id of the leader as last heard, '' for none. */
  get holder(): string {
    return this.#phase === 'leading' ? this.#options.id : this.#holder;
  }

  /** Messages received and, as far as is known, not yet relayed by anybody. */
  get buffered(): number {
    return this.#prelude.length + this.#buffer.length;
  }

  /** A message came over the channel. */
  message(message: Buffer): void {
    if (this.#phase === 'joining') this.#prelude.push(message);
    else this.#buffer.push(message);
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
      this.#buffer = new PositionedBuffer(mark.epoch);
    } else {
      this.#buffer.cut(mark.epoch);
    }
    this.#holder = mark.holder;
    this.#vacant = mark.holder === '' || mark.holder === this.#options.id;
    if (mark.token !== this.#observedToken || mark.beat !== this.#observedBeat) {
      this.#observedToken = mark.token;
      this.#observedBeat = mark.beat;
      this.#observedAt = now;
    }
    if (this.#phase === 'leading') {
      if (mark.token > this.#token) this.#follow(now);
      return;
    }
    if (mark.relayed) this.#drop(mark.relayed);
  }

  /** No message will come any more: the subscription is lost, or given up. */
  end(): void {
    this.#ending = true;
  }

  /** What the next mark should say. A leader that has relayed all moves the position with it, over the silence. */
  markIntent(): MarkIntent {
    if (this.#phase !== 'leading') return { seen: this.#seen, token: undefined, advance: undefined };
    const end = this.#buffer.end;
    const from = this.#relayed;
    const quiet = !this.#underWay && this.#buffer.length === 0 && !this.#needsStart();
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
   */
  next(now: number): Action | undefined {
    if (this.#underWay) return undefined;
    this.#underWay = this.#decide(now);
    return this.#underWay;
  }

  #decide(now: number): Action | undefined {
    switch (this.#phase) {
      case 'joining':
        return this.#ending ? { kind: 'release', token: undefined } : undefined;
      case 'following': {
        if (this.#ending) return { kind: 'release', token: undefined };
        if (!this.#vacant && now - this.#observedAt < this.#options.lease) return undefined;
        return { kind: 'take', token: this.#observedToken, beat: this.#observedBeat };
      }
      case 'leading':
        return this.#relay() ?? (this.#ending ? { kind: 'release', token: this.#token } : undefined);
      case 'ended':
        return undefined;
    }
  }

  #relay(): Action | undefined {
    const { maxMessages, maxBytes } = this.#options;
    const common = { kind: 'relay', token: this.#token, from: this.#relayed, gap: this.#gap } as const;
    // All of the prelude in one batch, because only its end has a position.
    if (this.#needsStart()) return { ...common, to: this.#start, messages: this.#prelude };
    const batch = this.#buffer.head(maxMessages, maxBytes);
    return batch && { ...common, ...batch };
  }

  /** Whether the stored position is before the first mark seen: then the relaying starts at that mark. */
  #needsStart(): boolean {
    return !this.#relayed || comparePositions(this.#relayed, this.#start) < 0;
  }

  /** Redis answered a take. */
  took(reply: TakeReply, now: number): void {
    this.#underWay = undefined;
    if (!reply.taken) {
      this.#waitForMark(now); // somebody was quicker, or the leader lives
      return;
    }
    this.#phase = 'leading';
    this.#token = reply.token;
    this.#relayed = reply.position;
    this.#written = reply.position;
    this.#gap = undefined;
    if (!reply.position) return;
    if (comparePositions(reply.position, this.#start) < 0) {
      this.#gap = { reason: 'no bridge was subscribed', since: reply.lastBeat };
      // Positions within the epoch before the first mark cannot be compared with those of the prelude: what
      // was relayed of that epoch may be a part of it. Without any, the prelude is whole.
      const { epoch, offset } = reply.position;
      if (epoch >= this.#start.epoch - 1 && offset > 0) this.#prelude = [];
    } else {
      this.#drop(reply.position);
    }
  }

  /** Redis answered a relay. */
  wrote(reply: RelayReply, now: number): void {
    const action = this.#underWay;
    this.#underWay = undefined;
    if (action?.kind !== 'relay' || this.#phase !== 'leading') return;
    if (reply.kind === 'fenced') {
      this.#follow(now);
      this.#waitForMark(now);
      return;
    }
    const position = reply.kind === 'written' ? action.to : reply.position;
    if (!position) {
      this.#relayed = undefined; // the database was emptied: begin anew, with what there is
      return;
    }
    // Only this action, or one like it that was not answered, can have moved the position on; it told the gap.
    if (!action.from || comparePositions(position, action.from) > 0) this.#gap = undefined;
    else if (this.#written && comparePositions(position, this.#written) < 0)
      this.#gap = { reason: 'Redis came back with an older state', since: undefined };
    this.#relayed = position;
    this.#written = position;
    this.#drop(position);
  }

  /** Redis answered a release. */
  released(): void {
    this.#underWay = undefined;
    this.#phase = 'ended';
  }

  /** What was under way failed, or nobody knows: {@link next} will ask for what is right then. All actions may be sent twice. */
  failed(): void {
    this.#underWay = undefined;
  }

  #follow(now: number): void {
    this.#phase = 'following';
    this.#observedAt = now;
  }

  /** What the last mark told of the lease is no longer true: not to be acted upon before the next one. */
  #waitForMark(now: number): void {
    this.#vacant = false;
    this.#observedAt = now;
  }

  #drop(position: Position): void {
    if (comparePositions(position, this.#start) >= 0) this.#prelude = [];
    this.#buffer.dropThrough(position);
  }
}
