import type { Position } from '../../src/core/position.js';
import type { Interval } from './host.js';
import type { StoredGap } from './redis.js';

/**
 * What happened in a schedule, for the checker to judge. A `place` is the turn of a message or a mark in the one
 * order in which Redis publishes; a message is known by its number, which is its turn among messages.
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
  /** The place of its first mark, and the number of the message after it. Before, it was not in step. */
  step: { readonly place: number; readonly message: number } | undefined;
  /** The place of the last thing it heard, and the number of the message after it. */
  heard: { place: number; message: number };
  /** Messages before this one it may have let go, because its buffer was full. */
  shed: number;
  /** When it first heard that there is a position. */
  knewAt: number;
  /** When Redis last answered it, if it has nothing left to do. */
  endedAt: number | undefined;
  abandonedAt: number | undefined;
  /** Whether it ended because its seat had been given to another bridge. */
  unseated: boolean;
}

/** Redis lost something: what was in the inbox before and was no longer after. */
export interface Loss {
  readonly time: number;
  readonly lost: ReadonlySet<number>;
  /** Whether all was lost, the position too. */
  readonly all: boolean;
}

/** The position moved: all messages before this one are relayed or given up. */
export interface Pass {
  readonly time: number;
  readonly message: number;
  readonly caller: string;
}

/** A gap with the places between which messages may be missing. */
export interface ToldGap extends StoredGap {
  readonly time: number;
}

export interface History {
  /** ms for which bridges have what is relayed, for certain. */
  readonly retain: number;
  readonly lease: number;
  /** When each message was published. */
  readonly published: readonly number[];
  readonly sessions: readonly SessionRecord[];
  readonly losses: readonly Loss[];
  /** When Redis took nothing, or forgot what it had. */
  readonly unsettled: readonly Interval[];
  readonly passes: readonly Pass[];
  readonly inbox: readonly number[];
  /** The gaps as Redis has them in the end. */
  readonly gaps: readonly ToldGap[];
  /** Writes by a bridge that did not have the lead. */
  readonly usurped: readonly string[];
  /** What was still not at rest when it should have been. */
  readonly unrest: readonly string[];
  /** The place that a position names. */
  readonly placeOf: (position: Position) => number;
  /** How many messages were published when first a position was stored, since Redis last lost everything. */
  readonly begun: number;
  /** All messages before this one are before the position in the end. */
  readonly passed: number;
  readonly end: number;
}
