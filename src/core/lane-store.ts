import type { BridgeStore, RelayReply, RelayRequest, TakeReply } from './bridge-store.js';
import type { Position } from './position.js';

/** Messages without positions, which one lane has all: they stand for everything from the position of the group to their end. */
export interface Whole {
  readonly from: Position | undefined;
  readonly to: Position;
}

/** A relay that also notes what another leader has to know. */
export interface NotedRelay extends RelayRequest {
  /** Of the group: up to where lanes are written, by number. */
  readonly reached?: ReadonlyMap<number, Position> | undefined;
  /** Of a lane: the messages are whole. */
  readonly whole?: Whole | undefined;
}

/** The lane is the caller's now; or a bridge with this higher token has it. */
export type LeadReply =
  | {
      readonly led: true;
      readonly position: Position | undefined;
      readonly whole: Whole | undefined;
    }
  | { readonly led: false; readonly token: number };

/**
 * The commands of a bridge to one lane.
 *
 * @throws {CgroupError} every method rejects if Redis refuses or does not answer
 */
export interface LaneStore {
  /** From now on no leader with a lower token writes there. */
  lead(caller: string, token: number): Promise<LeadReply>;
  /** Up to where it is written; undefined for nothing. */
  position(): Promise<Position | undefined>;
  /** Writes messages to it and moves its position, both or neither. */
  relay(request: NotedRelay): Promise<RelayReply>;
}

/** The commands of a bridge for all lanes together. */
export interface SharedBridgeStore extends BridgeStore {
  /** @param above the token must be higher than this one, which a lane has */
  take(caller: string, token: number, beat: number, on?: string, above?: number): Promise<TakeReply>;
  relay(request: NotedRelay): Promise<RelayReply>;
  /** Up to where each of so many lanes is written, as leaders noted it; undefined for a lane that has nothing yet. */
  reached(lanes: number): Promise<(Position | undefined)[]>;
}
