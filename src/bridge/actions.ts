import type { Gap } from '../core/bridge-store.js';
import type { Packed } from '../core/packed.js';
import type { Position } from '../core/position.js';

export type Phase = 'joining' | 'following' | 'leading' | 'ended';

/** What the machine wants done next. */
export type Action =
  | { readonly kind: 'take'; readonly token: number; readonly beat: number }
  | {
      readonly kind: 'relay';
      readonly token: number;
      readonly from: Position | undefined;
      readonly to: Position;
      readonly messages: Packed;
      readonly gap: Gap | undefined;
    }
  /** Read the lease: after the subscription has ended no marks come. */
  | { readonly kind: 'look' }
  | { readonly kind: 'release'; readonly token: number; readonly position: Position | undefined };

/** What the next mark should say. */
export interface MarkIntent {
  readonly seen: number;
  readonly token: number | undefined;
  readonly advance: { readonly from: Position; readonly to: Position } | undefined;
}
