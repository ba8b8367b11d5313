import type { RelayRequest } from '../core/bridge-store.js';
import type { Position } from '../core/position.js';
import type { Limits } from './buffer.js';

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
  /**
   * Whether each message of a relay must have a position that follows from the end of the relay: then a relay ends at each mark, and
   * no messages are relayed that came before the first mark.
   */
  readonly allPositioned?: boolean;
  /** How much it keeps. */
  readonly limits: Limits;
  /** The highest mark known to have been made before the subscription began, 0 for none. */
  readonly seen: number;
  /**
   * Messages that come before the mark with this number may have come to bridges at another server, too: it is the first one
   * that gives positions. 0 if there is no such server.
   */
  readonly positionsFrom?: number;
  /** ms after the other bridges came to another server in which what was received here is still relayed. */
  readonly lateAfter?: number | undefined;
}
