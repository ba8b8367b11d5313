import type { Packed } from './packed.js';
import type { Position } from './position.js';

/** Who leads, and how far: what bridges know of each other. */
export interface Lease {
  readonly token: number;
  readonly beat: number;
  /** The id of the leader, '' where nobody leads. */
  readonly holder: string;
  /** The position up to which the inbox holds the messages; none before the first relay of all. */
  readonly relayed: Position | undefined;
}

/** A mark as it is published: heartbeat of the leader, cut in the flow, and progress, in one. */
export interface Mark extends Lease {
  readonly epoch: number;
  /** How many bridges have a seat. */
  readonly bridges: number;
}

/** A seat and the time of the last mark of the bridge that has it, on Redis's clock: only its change says anything. */
export interface Seat {
  readonly id: string;
  readonly lastMark: string;
}

export interface MarkRequest {
  readonly caller: string;
  /** The seat that the caller has or asks for. */
  readonly seat: string;
  /** How many bridges may be subscribed. */
  readonly seats: number;
  /** The highest mark that the caller has seen, 0 for none. */
  readonly seen: number;
  /** Of a leader: its token. */
  readonly token?: number | undefined;
  /** Of a leader that has relayed all it received: the position moves with the mark, over silence. */
  readonly advance?: { readonly from: Position; readonly to: Position } | undefined;
  /** Its subscription has ended: it only sees to what it received before. */
  readonly deaf?: boolean;
  /** A seat of a bridge that has made no mark for long: it is taken, if there is none since. */
  readonly dead?: Seat | undefined;
}

/** The mark that was made, or the seats that are all taken. */
export type MarkReply = { readonly mark: number } | { readonly taken: readonly Seat[] };

export type TakeReply =
  | {
      readonly taken: true;
      readonly token: number;
      readonly position: Position | undefined;
      /** When the leader before last beat (ms since 1970, Redis's clock); undefined where there was none. */
      readonly lastBeat: number | undefined;
    }
  | { readonly taken: false };

export interface Gap {
  readonly reason: string;
  /** Since when messages may have been missed: ms since 1970, Redis's clock; undefined for the last beat. */
  readonly since: number | undefined;
  /** Messages known to be lost, at most; 0 where nobody can know. */
  readonly dropped: number;
}

export interface RelayRequest {
  readonly caller: string;
  readonly token: number;
  readonly from: Position | undefined;
  readonly to: Position;
  readonly messages: Packed;
  /** Messages may have been missed just before these. */
  readonly gap?: Gap | undefined;
}

/** It is done; the lead is another's; or the position is another one than the caller said. */
export type Fenced<Done extends string> =
  | { readonly kind: Done }
  | { readonly kind: 'fenced' }
  | { readonly kind: 'elsewhere'; readonly position: Position | undefined };

export type RelayReply = Fenced<'written'>;
export type ReleaseReply = Fenced<'released'>;

/** The id of the bridge that leads under a name: its own id, and the number of its subscription. */
export function bridgeOf(holder: string): string {
  return holder.replace(/#\d+$/, '');
}

/**
 * What a bridge asks of Redis, other than subscribing. One method for each change of state.
 *
 * @throws {CgroupError} every method rejects if Redis refuses or does not answer
 */
export interface BridgeStore {
  /** Publishes the next mark, and takes or keeps a seat. */
  mark(request: MarkRequest): Promise<MarkReply>;
  /** Takes the lead if token and beat are still those given. */
  take(caller: string, token: number, beat: number): Promise<TakeReply>;
  /** Writes messages to the inbox and moves the position, both or neither. */
  relay(request: RelayRequest): Promise<RelayReply>;
  /** Gives up the lead, unless the position has moved from where the caller left it. */
  release(caller: string, token: number, position: Position | undefined): Promise<ReleaseReply>;
  /** The lease as it is now. */
  look(): Promise<Lease>;
  /** Gives up a seat, so that another bridge can take it at once. */
  leave(seat: string): Promise<void>;
}
