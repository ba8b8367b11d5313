import type { BridgeStore, Gap } from '../core/bridge-store.js';
import type { Subscriber } from '../core/subscriber.js';
import type { Logger } from '../log/logger.js';
import type { MachineOptions, Phase } from './action.js';

/** What all sessions of a bridge have in common. */
export interface ChannelOptions extends Pick<MachineOptions, 'lease' | 'limits' | 'allPositioned'> {
  readonly channel: string;
  readonly marks: string;
  /** Whether both are sharded channels. */
  readonly isSharded?: boolean;
  /** Most bridges that are subscribed at a time. */
  readonly seats: number;
  /** Most messages that a pack may hold now; 1 for no packs. */
  readonly packSize: () => number;
  readonly store: BridgeStore;
  readonly log: Logger;
}

export interface SessionOptions
  extends ChannelOptions,
    Pick<MachineOptions, 'id' | 'seen' | 'positionsFrom' | 'lateAfter'> {
  /** The bridge's seat, which outlives the session. */
  readonly seat: string;
  /** The secret of the marks, as Redis gave it with the seat. */
  readonly secret: string;
  /** Connected, not subscribed yet; the session closes it. */
  readonly subscriber: Subscriber;
  /** Whether it may take the lead: not while an earlier session still has messages to relay. */
  readonly mayTake: () => boolean;
  /** Called when phase or leader change, with the phase before. */
  readonly onPhase: (phase: Phase, before: Phase, holder: string) => void;
  readonly onGap: (gap: Gap) => void;
}
