import type { Packed } from './packed.js';
import type { Position } from './position.js';

/** Which bridge leads, and how far it has relayed. */
export interface Lease {
  readonly token: number;
  readonly beat: number;
  /** The id of the leader, '' if no bridge leads. */
  readonly holder: string;
  /** The position up to which the inbox has the messages; undefined before the first relay of the group. */
  readonly relayed: Position | undefined;
}

/** A mark as it is published: heartbeat of the leader, start of an epoch, and progress, in one. */
export interface Mark extends Lease {
  /** The number of the mark; messages up to the next mark belong to it. */
  readonly epoch: number;
  /** How many bridges have a seat. */
  readonly bridges: number;
}

/** Epoch, token, beat, bridges; epoch and offset of the position, or two empty words; holder, or an empty word. */
const MARK = /^(\d+) (\d+) (\d+) (\d+) (?:(\d+) (\d+)| ) (\S*)$/;

/** Reads a mark as `mark.lua` publishes it. Undefined for any other text. */
export function parseMark(text: string): Mark | undefined {
  const [, epoch, token, beat, bridges, relayedEpoch, relayedOffset, holder] = MARK.exec(text) ?? [];
  if (holder === undefined) return undefined;
  return {
    epoch: Number(epoch),
    token: Number(token),
    beat: Number(beat),
    bridges: Number(bridges),
    relayed: relayedEpoch ? { epoch: Number(relayedEpoch), offset: Number(relayedOffset) } : undefined,
    holder,
  };
}

/** A seat, and the time of the last mark of its bridge by Redis's clock: only a change of it counts. */
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
  /** Of a leader that has relayed all its messages: the mark moves the position. */
  readonly advance?: { readonly from: Position; readonly to: Position } | undefined;
  /** Its subscription has ended: it relays only the messages received before. */
  readonly deaf?: boolean;
  /** The seat of a dead bridge: the caller gets it, unless that bridge has made a mark since. */
  readonly dead?: Seat | undefined;
}

/** The mark that was made, or the seats that are all taken. */
export type MarkReply = { readonly mark: number } | { readonly taken: readonly Seat[] };

export type TakeReply =
  | {
      readonly taken: true;
      readonly token: number;
      readonly position: Position | undefined;
      /** When the leader before last beat (ms since 1970, Redis's clock); undefined if there was none. */
      readonly lastBeat: number | undefined;
    }
  | { readonly taken: false };

export interface Gap {
  readonly reason: string;
  /** Since when messages may have been missed: ms since 1970, Redis's clock; undefined for the last beat. */
  readonly since: number | undefined;
  /** Most messages that are lost; 0 if unknown. */
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

/** It is done; another bridge has the lead; or the stored position is not the caller's. */
export type Fenced<Done extends string> =
  | { readonly kind: Done }
  | { readonly kind: 'fenced' }
  | { readonly kind: 'elsewhere'; readonly position: Position | undefined };

export type RelayReply = Fenced<'written'>;
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
  take(caller: string, token: number, beat: number): Promise<TakeReply>;
  /** Writes messages to the inbox and moves the position, both or neither. */
  relay(request: RelayRequest): Promise<RelayReply>;
  /** Gives up the lead, unless the position has moved from where the caller left it. */
  release(caller: string, token: number, position: Position | undefined): Promise<ReleaseReply>;
  /** The lease as it is now. */
  readLease(): Promise<Lease>;
  /** Gives up a seat, so that another bridge can take it at once. */
  leave(seat: string): Promise<void>;
}
