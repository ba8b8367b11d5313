import type { Position } from '../../src/core/position.js';
import type { Interval } from './host.js';
import type { StoredGap } from './redis.js';

/**
 * What happened in a schedule, for the checker to judge. A `place` is the number of a message or a mark in the one order in
 * which Redis publishes; a message has a number among messages only.
 */

export interface ProcessRecord {
  readonly id: string;
  readonly troubles: readonly Interval[];
  /** When it was killed. */
  readonly diedAt: number | undefined;
}

export interface SessionRecord {
  readonly id: string;
  readonly process: ProcessRecord;
  /** The place of its first mark, and the number of the message after it. Before that it cannot relay. */
  step: { readonly place: number; readonly message: number } | undefined;
  /** The place of the last message or mark it received, and the number of the message after it. */
  heard: { place: number; message: number };
  /** It may have dropped messages before this one, because its buffer was full. */
  shed: number;
  /** When it first learned of a position. */
  knewAt: number;
  /** When Redis last answered it, if it has nothing left to do. */
  endedAt: number | undefined;
  abandonedAt: number | undefined;
  /** Whether it ended because its seat had been given to another bridge. */
  unseated: boolean;
}

/** Redis lost messages: they were in the inbox before, and not after. */
export interface Loss {
  readonly time: number;
  readonly lost: ReadonlySet<number>;
  /** Whether everything was lost, the position too. */
  readonly all: boolean;
}

/** The position moved: all messages before this one are relayed or lost. */
export interface Pass {
  readonly time: number;
  readonly message: number;
  readonly caller: string;
}

/** A gap, and when it was recorded. */
export interface RecordedGap extends StoredGap {
  readonly time: number;
}

export interface History {
  /** ms for which bridges are sure to keep relayed messages. */
  readonly retain: number;
  readonly lease: number;
  /** When each message was published. */
  readonly published: readonly number[];
  readonly sessions: readonly SessionRecord[];
  readonly losses: readonly Loss[];
  /** When Redis accepted nothing, or forgot what it had. */
  readonly unsettled: readonly Interval[];
  readonly passes: readonly Pass[];
  readonly inbox: readonly number[];
  /** The gaps that Redis has in the end. */
  readonly gaps: readonly RecordedGap[];
  /** Writes by bridges without the lead. */
  readonly usurped: readonly string[];
  /** What was not at rest when it had to be. */
  readonly unrest: readonly string[];
  /** The number of the message after a position. */
  readonly messageAt: (position: Position) => number;
  /** The place of a position. */
  readonly placeOf: (position: Position) => number;
  /** How many messages were published before the first position was stored, since Redis last lost everything. */
  readonly begun: number;
  /** All messages before this one are before the position in the end. */
  readonly passed: number;
  readonly end: number;
}
