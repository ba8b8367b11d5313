import type { Packed } from './packed.js';
import type { Position } from './position.js';

/**
 * The server at which the bridges of a group are subscribed. Positions are those of one server: another one delivers the messages
 * in another order.
 */
export interface Home {
  /** Its run id. */
  readonly server: string;
  /** The number of the mark with which the bridges came there: all its positions begin at this mark or a later one. */
  readonly since: number;
}

/** Which bridge leads, and how far it has relayed. */
export interface Lease {
  readonly token: number;
  readonly beat: number;
  /** The id of the leader, '' if no bridge leads. */
  readonly holder: string;
  /** The position up to which the inbox has the messages; undefined before the first relay of the group. */
  readonly relayed: Position | undefined;
  /** Undefined on a plain Redis, which is one server. */
  readonly home?: Home | undefined;
}

/** Where a call may be carried out. */
export interface OnServer {
  /**
   * The run id of the only server on which it may run: else it rejects as OTHER_SERVER, or as REDIS_UNREACHABLE if there is no
   * connection. Undefined for any server.
   */
  readonly on?: string | undefined;
}

/** ms by which the number of a mark, or an id, may be ahead of the clock of Redis: that clock may have been put back. */
export const MOST_AHEAD = 86_400_000;

export interface TakeOptions extends OnServer {
  /** The highest mark that the caller has seen: with lanes it must not be before what they have. */
  readonly seen?: number;
}

/** A seat, and the time of the last mark of its bridge by Redis's clock: only a change of it counts. */
export interface Seat {
  readonly id: string;
  readonly lastMark: string;
}

export interface MarkRequest extends OnServer {
  readonly caller: string;
  /** The seat that the caller has or asks for. */
  readonly seat: string;
  /** How many bridges may be subscribed. */
  readonly seats: number;
  /** The highest mark that the caller has seen, 0 for none. */
  readonly seen: number;
  /** The secret of the group's marks: 64 hex digits. */
  readonly secret: string;
  /** False if the caller has made the secret up: then it is used only if no bridge is subscribed that may know the true one. */
  readonly secretKnown: boolean;
  /** Of a leader: its token. */
  readonly token?: number | undefined;
  /** Of a leader that has relayed all its messages: the mark moves the position. */
  readonly advance?: { readonly from: Position; readonly to: Position } | undefined;
  /** It is not subscribed yet: from now on the server where the mark is published is the home. */
  readonly joins?: boolean;
  /** Its subscription has ended: it relays only the messages received before. */
  readonly deaf?: boolean;
  /** It has heard no mark since its last one: perhaps it hears no messages either, and a gap has begun. */
  readonly unsure?: boolean | undefined;
  /** Of a leader: texts on the marks channel since its last mark that are no marks of the group. */
  readonly foreign?: number;
  /** The seat of a dead bridge: the caller gets it, unless that bridge has made a mark since. */
  readonly dead?: Seat | undefined;
}

/** A mark that was made, and the state of the bridges at that moment. */
export interface MadeMark {
  /** Its number. */
  readonly mark: number;
  /** The secret with which it proves that it is genuine. */
  readonly secret: string;
  /** ms since 1970, Redis's clock. */
  readonly clock: number;
  /** How many bridges have a seat. */
  readonly bridges: number;
  readonly lease: Lease;
  /** Fields of the bridge's hash that held foreign values, which were replaced. */
  readonly healed: readonly string[];
}

/**
 * The mark that was made; or the seats, all taken; or no seats: the caller has to wait for the secret, or, if it has `moved`, the
 * bridges are at another server than the one that the mark was for.
 */
export type MarkReply = MadeMark | { readonly taken: readonly Seat[]; readonly moved?: boolean };

export type TakeReply =
  | {
      readonly taken: true;
      readonly token: number;
      readonly position: Position | undefined;
      /** Whether there was a position that could not be read. */
      readonly lost: boolean;
      /** When the leader before last beat (ms since 1970, Redis's clock); undefined if there was none. */
      readonly lastBeat: number | undefined;
    }
  | { readonly taken: false };

/** Why a gap is recorded if Redis has lost its last moments. */
export const OLDER_STATE = 'Redis came back with an older state';

export interface Gap {
  readonly reason: string;
  /** Since when messages may have been missed: ms since 1970, Redis's clock; undefined for the last beat. */
  readonly since: number | undefined;
  /** Until when; undefined for the moment when the gap is recorded. */
  readonly until?: number | undefined;
  /** Most messages that are lost; 0 if unknown. */
  readonly dropped: number;
}

export interface RelayRequest extends OnServer {
  readonly caller: string;
  readonly token: number;
  readonly from: Position | undefined;
  readonly to: Position;
  readonly messages: Packed;
  /** Most messages that a pack may hold; 1 for no packs. */
  readonly packSize: number;
  /** Where they were received: nothing is written after a position of another server. Undefined on a plain Redis. */
  readonly server?: string | undefined;
  /** ms after the bridges came to another server in which they are still taken; undefined for no limit. */
  readonly lateAfter?: number | undefined;
  /** Messages may have been missed just before these. */
  readonly gap?: Gap | undefined;
}

/** It is done; another bridge has the lead; or the stored position is not the caller's. */
export type Fenced<Done extends string> =
  | { readonly kind: Done }
  | { readonly kind: 'fenced' }
  | { readonly kind: 'elsewhere'; readonly position: Position | undefined };

/** `late`: the bridges are at another server, and nothing that was received here is taken any more. */
export type RelayReply = Fenced<'written'> | { readonly kind: 'late' };
export type ReleaseReply = Fenced<'released'>;

/** The id of the bridge with a holder's name, which is the id of the bridge and the number of its subscription. */
export function bridgeOf(holder: string): string {
  return holder.replace(/#\d+$/, '');
}

/**
 * The commands of a bridge to Redis, except the subscription. One method for each change of state.
 *
 * @throws {CgroupError} every method rejects if Redis refuses or does not answer
 */
export interface BridgeStore {
  /** Publishes the next mark, and takes or keeps a seat. */
  mark(request: MarkRequest): Promise<MarkReply>;
  /** Takes the lead if token and beat are still those given. */
  take(caller: string, token: number, beat: number, options?: TakeOptions): Promise<TakeReply>;
  /** Writes messages to the inbox and moves the position, both or neither. */
  relay(request: RelayRequest): Promise<RelayReply>;
  /** Gives up the lead, unless the position has moved from where the caller left it. */
  release(caller: string, token: number, position: Position | undefined, on?: string): Promise<ReleaseReply>;
  /** The lease as it is now. */
  readLease(): Promise<Lease>;
  /** The number of the last mark, 0 for none. */
  lastMark(on?: string): Promise<number>;
  /** Records that messages may have been missed. Sent twice, it counts twice. */
  missed(caller: string, gap: Gap): Promise<void>;
  /** Gives up a seat, so that another bridge can take it at once. */
  leave(seat: string): Promise<void>;
}
