import type { BridgeStore, Gap, RelayReply, RelayRequest, TakeOptions, TakeReply } from './bridge-store.js';
import type { Position } from './position.js';

/** The last gap that a lane has passed: the group may have lost the record of it. */
export interface PassedGap {
  /** A position behind it. */
  readonly at: Position;
  /** Since when messages may have been missed: ms since 1970. */
  readonly since: number;
}

/** The lane is the caller's now; or a bridge with this higher token has it. */
export type LeadReply =
  | { readonly led: true; readonly position: Position | undefined; readonly passed: PassedGap | undefined }
  | { readonly led: false; readonly token: number };

/** The lane has known the server for so many ms, and whether anything was written there; or a mark has to be higher than this one. */
export type ArriveReply =
  | { readonly arrived: true; readonly elapsed: number; readonly isWritten: boolean }
  | { readonly arrived: false; readonly mark: number };

/**
 * The commands of a bridge to one lane.
 *
 * @throws {CgroupError} every method rejects if Redis refuses or does not answer
 */
export interface LaneStore {
  /**
   * A bridge is about to subscribe at a server (undefined on a plain Redis), and has got this mark: from now on nothing is taken of
   * another server that is after the mark.
   */
  arrive(mark: number, server: string | undefined): Promise<ArriveReply>;
  /** From now on no leader with a lower token writes there. The position is the one up to which it is written, undefined for nothing. */
  lead(caller: string, token: number): Promise<LeadReply>;
  /** Writes messages to it and moves its position, both or neither. */
  relay(request: DealtRelay): Promise<RelayReply>;
}

/** A relay of a lane, or of the group itself, which has no messages. */
export interface DealtRelay extends RelayRequest {
  /** With order `key`: the keys of its messages, as `keyLines` gives them, if they are known. */
  readonly keys?: string | undefined;
  /** Of the group: how many lanes are written up to its end. */
  readonly lanes?: number | undefined;
  /** Of the group: with an id it is recorded once, and then only what was dropped since. */
  readonly gap?: (Gap & { readonly id?: string }) | undefined;
  /** It is after this gap from now on. Of the group: without a record of it, a gap with the reason is recorded. */
  readonly passed?: (PassedGap & { readonly reason?: string }) | undefined;
}

/** What the group has noted. */
export interface Noted {
  /** How many lanes were written up to its position, 0 if none ever was. */
  readonly lanes: number;
  /** The number of the last mark, 0 for none. */
  readonly mark: number;
  /** Whether its node knows the group: it may have come back with nothing. */
  readonly isPrepared: boolean;
}

export interface TakeAbove extends TakeOptions {
  /** The token must be higher than this one, which a lane has. */
  readonly above?: number | undefined;
}

/** The commands of a bridge for all lanes together. */
export interface SharedBridgeStore extends BridgeStore {
  take(caller: string, token: number, beat: number, options?: TakeAbove): Promise<TakeReply>;
  relay(request: DealtRelay): Promise<RelayReply>;
  noted(): Promise<Noted>;
}
