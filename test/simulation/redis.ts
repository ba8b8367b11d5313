import type {
  Gap,
  Home,
  Lease,
  MadeMark,
  MarkReply,
  MarkRequest,
  RelayReply,
  RelayRequest,
  ReleaseReply,
  TakeReply,
} from '../../src/core/bridge-store.js';
import { comparePositions, type Position } from '../../src/core/position.js';
import { markText } from '../helpers/marks.js';
import { numberOf } from './messages.js';

/** Redis does not run a script: it is out of memory, and changed nothing. */
export class Refused extends Error {}

/** The bridge's hash, and the lengths of the streams. Never modified, so that an older state can come back. */
interface State {
  readonly holder: string;
  readonly token: number;
  readonly beat: number;
  readonly position: Position | undefined;
  readonly mark: number;
  /** '' for none. */
  readonly secret: string;
  readonly seats: ReadonlyMap<string, number>;
  readonly home: Home | undefined;
  readonly heardAt: number;
  readonly inbox: number;
  readonly gaps: number;
}

const EMPTY: State = {
  holder: '',
  token: 0,
  beat: 0,
  position: undefined,
  mark: 0,
  secret: '',
  seats: new Map(),
  home: undefined,
  heardAt: 0,
  inbox: 0,
  gaps: 0,
};

/** A gap as it is stored: before which entry of the inbox, by which caller, between which positions. */
export interface StoredGap extends Gap {
  /** When messages may have been missed, by the clock of Redis. */
  readonly times: { readonly from: number; readonly to: number };
  readonly entry: number;
  readonly caller: string;
  readonly from: Position | undefined;
  readonly to: Position;
}

/** The Redis end of a subscription: messages, and the texts on the channel of marks, go in, in the same order for all. */
export interface Output {
  push(item: number | string): void;
}

/** What happened in Redis, for the recorder. */
export interface RedisEvents {
  marked(mark: MadeMark): void;
  took(caller: string, token: number): void;
  relayed(request: RelayRequest, gap: StoredGap | undefined): void;
}

/** Redis with the scripts of the bridge, exactly like the Lua; each is one step. */
export class RedisModel {
  /** The numbers of the messages relayed. */
  readonly inbox: number[] = [];
  readonly gaps: StoredGap[] = [];
  readonly outputs = new Set<Output>();
  /** The texts of all marks. */
  readonly marks: string[] = [];
  /** Whether it refuses scripts that need memory. */
  full = false;
  /** ms by which its clock is ahead. */
  skew = 0;
  readonly #events: RedisEvents;
  readonly #clock: () => number;
  #state = EMPTY;
  #past: State[] = [];

  constructor(clock: () => number, events: RedisEvents) {
    this.#clock = clock;
    this.#events = events;
  }

  get position(): Position | undefined {
    return this.#state.position;
  }

  get holder(): string {
    return this.#state.holder;
  }

  publish(message: number): void {
    for (const output of this.outputs) output.push(message);
  }

  /** mark.lua; `server` is the run id of the one where it is published, undefined on a plain Redis */
  mark(request: MarkRequest, server?: string): MarkReply {
    const { caller, seat, dead, advance, joins, deaf, unsure } = request;
    const state = this.#state;
    if (server && state.home && state.home.server !== server && !joins && !deaf)
      return { taken: [], moved: true };
    if (!state.secret && !request.secretKnown && this.outputs.size > 0) return { taken: [] };
    const seats = new Map(state.seats);
    if (!seats.has(seat)) {
      if (dead && String(seats.get(dead.id)) === dead.lastMark) seats.delete(dead.id);
      if (seats.size < state.seats.size) this.#change({ seats });
      if (seats.size >= request.seats) {
        if (request.seen > state.mark && !this.full) this.#change({ mark: request.seen });
        return { taken: [...seats].map(([id, lastMark]) => ({ id, lastMark: String(lastMark) })) };
      }
    }
    this.#needsMemory();
    seats.set(seat, (seats.get(seat) ?? 0) + 1);
    let { beat, position, home, heardAt } = state;
    if (state.holder === caller && state.token === request.token) {
      beat++;
      if (!deaf && !unsure) heardAt = this.#clock() + this.skew;
      if (advance && same(position, advance.from)) position = advance.to;
    }
    const number = this.markNumber(state.mark, request.seen, this.#clock() + this.skew);
    const secret = state.secret || request.secret;
    if (server && home?.server !== server && !deaf) home = { server, since: number };
    this.#change({ beat, position, seats, mark: number, secret, home, heardAt });
    const made = {
      mark: number,
      secret,
      clock: this.#clock() + this.skew,
      bridges: seats.size,
      lease: this.look(),
      healed: [],
    };
    this.#events.marked(made);
    this.marks.push(markText(number, secret, server));
    this.says(this.marks.at(-1) as string);
    return made;
  }

  /** PUBLISH on the channel of marks. */
  says(text: string): void {
    for (const output of this.outputs) output.push(text);
  }

  lastMark(): number {
    return this.#state.mark;
  }

  protected markNumber(last: number, seen: number, clock: number): number {
    return Math.max(last + 1, seen + 1, Math.floor(clock));
  }

  /** take.lua */
  take(caller: string, token: number, beat: number, above = -1): TakeReply {
    const state = this.#state;
    if (state.holder !== caller) {
      if (state.token !== token || state.beat !== beat) return { taken: false };
      this.#needsMemory();
      this.#change({ token: token + 1, holder: caller, heardAt: state.heardAt || this.#clock() + this.skew });
      this.#events.took(caller, token + 1);
    }
    if (this.#state.token <= above) this.#change({ token: above + 1 });
    return {
      taken: true,
      token: this.#state.token,
      position: state.position,
      lost: false,
      lastBeat: state.heardAt,
    };
  }

  /** relay.lua */
  relay(request: RelayRequest): RelayReply {
    const { caller, token, from, to, messages, server } = request;
    const { position, home } = this.#state;
    if (!this.leads(caller, token)) return { kind: 'fenced' };
    if (!this.isAt(from)) return { kind: 'elsewhere', position };
    const isLate = (since: number) => this.#clock() + this.skew > since + (request.lateAfter ?? Infinity);
    if (server && home && home.server !== server && (to.epoch >= home.since || isLate(home.since)))
      return { kind: 'late' };
    this.#needsMemory();
    const times = this.#times(request.gap);
    const gap = request.gap && { ...request.gap, times, entry: this.inbox.length, caller, from, to };
    for (const message of messages) this.inbox.push(numberOf(message));
    if (gap) this.gaps.push(gap);
    this.#change({ position: to, inbox: this.inbox.length, gaps: this.gaps.length });
    this.#events.relayed(request, gap);
    return { kind: 'written' };
  }

  /** missed.lua */
  missed(caller: string, gap: Gap): void {
    const to = this.#state.position ?? { epoch: 0, offset: 0 };
    this.gaps.push({
      ...gap,
      times: this.#times(gap),
      entry: this.inbox.length,
      caller,
      from: undefined,
      to,
    });
    this.#change({ gaps: this.gaps.length });
  }

  #times(gap: Gap | undefined): StoredGap['times'] {
    const now = this.#clock() + this.skew;
    const to = Math.min(gap?.until ?? now, now);
    return { from: Math.min(gap?.since ?? this.#state.heardAt, to), to };
  }

  /** release.lua */
  release(caller: string, token: number, from: Position | undefined): ReleaseReply {
    const { position, holder } = this.#state;
    if (holder !== caller || this.#state.token !== token) return { kind: 'fenced' };
    if (!this.isLeftAt(from)) return { kind: 'elsewhere', position };
    this.#needsMemory();
    this.#change({ holder: '' });
    return { kind: 'released' };
  }

  /** Mutants change these. */
  protected leads(caller: string, token: number): boolean {
    return this.#state.holder === caller && this.#state.token === token;
  }
  protected isAt(from: Position | undefined): boolean {
    return same(this.#state.position, from);
  }
  protected isLeftAt(from: Position | undefined): boolean {
    return same(this.#state.position, from);
  }

  look(): Lease {
    const { token, beat, holder, position, home } = this.#state;
    return { token, beat, holder, relayed: position, home };
  }

  leave(seat: string): void {
    const seats = new Map(this.#state.seats);
    seats.delete(seat);
    this.#change({ seats });
  }

  /** Comes back without its last changes, so many. */
  forget(changes: number): void {
    const kept = Math.max(0, this.#past.length - changes);
    if (kept < this.#past.length) this.#state = this.#past[kept] as State;
    this.#past.length = kept;
    this.inbox.length = this.#state.inbox;
    this.gaps.length = this.#state.gaps;
  }

  /** FLUSHALL, or a restart with nothing. */
  empty(): void {
    this.#past = [];
    this.#state = EMPTY;
    this.inbox.length = 0;
    this.gaps.length = 0;
  }

  /** It becomes what another server was, so many changes ago. */
  copy(other: RedisModel, ago: number): void {
    const before = other.#past.length - ago;
    this.#past = other.#past.slice(0, Math.max(0, before));
    this.#state = ago === 0 ? other.#state : (other.#past[Math.max(0, before)] ?? EMPTY);
    this.inbox.splice(0, Infinity, ...other.inbox.slice(0, this.#state.inbox));
    this.gaps.splice(0, Infinity, ...other.gaps.slice(0, this.#state.gaps));
  }

  #change(change: Partial<State>): void {
    this.#past.push(this.#state);
    this.#state = { ...this.#state, ...change };
  }

  /** A script that has not written yet is refused if memory is full. */
  #needsMemory(): void {
    if (this.full) throw new Refused();
  }
}

function same(a: Position | undefined, b: Position | undefined): boolean {
  return a && b ? comparePositions(a, b) === 0 : a === b;
}
