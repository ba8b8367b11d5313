import type { ControlStore } from '../core/control.js';
import type { Source } from '../core/source.js';
import type { ForeignValue } from './foreign.js';
import type { Halts } from './halts.js';
import type { OutputEnd, OutputEntry } from './output.js';
import type {
  CutDeadLetter,
  GroupTotals,
  OrderTotals,
  Reading,
  ReadingWithEnd,
  StreamEntry,
} from './reading.js';
import type { LiveConsumers } from './registry.js';
import type { WrittenResult } from './result-text.js';
import type { KeyTotals } from './scripts/keyed.js';
import type { ServerMemory } from './server.js';

/** The source and the Redis group that the keys of a group name. */
export interface Owner {
  /** Undefined if no process ever relayed. */
  readonly source: Source | undefined;
  readonly group: string;
  /** Undefined if an older version wrote there. */
  readonly consumerList?: string;
}

/** The recorded times during which messages may have been missed. */
export interface Gaps {
  /** Oldest first. */
  readonly records: readonly GapRecord[];
  /** Entries among them that the group did not write. */
  readonly foreign: readonly ForeignValue[];
}

/** A time during which messages may have been missed. */
export interface GapRecord {
  /** ms since 1970, by the clock of Redis */
  readonly from: number;
  readonly to: number;
  readonly reason: string;
}

/** The unsettled messages of a lane. */
export interface WaitingMessages {
  /** Each run has the oldest first. */
  readonly runs: readonly AsyncGenerator<StreamEntry>[];
  /** Those that wait behind another one of their key. */
  readonly held: AsyncGenerator<StreamEntry>;
}

/** Reads all that one lane of a group holds. The ids of its messages and dead letters are those of this lane. */
export interface LaneReader {
  /** All numbers of the lane at one moment, and where the output ends: for that, Redis copies its newest entry. */
  readWithEnd(): Promise<ReadingWithEnd>;
  /**
   * The output in order, up to its end at a reading.
   *
   * @throws {CgroupError} STALE if the output is a list, and others took from its middle or its right side while it was read
   */
  output(end: OutputEnd): AsyncGenerator<OutputEntry>;
  /** The newest results in an output stream, newest first. */
  newestResults(most: number): AsyncGenerator<StreamEntry>;
  /** The first results after one of an output stream. @param after '' for all */
  resultsAfter(after: string, most: number): AsyncGenerator<StreamEntry>;
  /** The newest elements of an output list, oldest first. */
  lastElements(most: number): Promise<Buffer[]>;
  /** The dead letters up to an entry, oldest first. */
  deadLetters(last?: string): AsyncGenerator<StreamEntry>;
  /**
   * The unsettled messages, each under its id; those that are held have none. A message that moves on meanwhile is found in its
   * next place, perhaps for the second time.
   */
  inbox(): AsyncGenerator<StreamEntry>;
  /** The first unsettled messages, to show them. @param most how many of each run, at least, if there are as many */
  waiting(most: number): WaitingMessages;
  /** The results that wait for earlier ones (total order). Read them after {@link inbox}, and before {@link output}. */
  parked(): AsyncGenerator<Pick<WrittenResult, 'inboxId' | 'messageId'>>;
}

/**
 * Reads a group from outside, and acts on its dead letters. A group with lanes has a dead-letter stream for each: then the ids
 * of its dead letters name the lane too (see `deadLetterIdIn`).
 */
export interface GroupInspector {
  /** What operators want of the group, and its processes. */
  readonly control: ControlStore;
  /** The dead letters that stop an order. */
  readonly halts: Pick<Halts, 'first' | 'all' | 'skip'>;
  /** Its lanes, one by one: one alone, if the group has no more. */
  readonly lanes: readonly LaneReader[];
  /** The numbers of the lanes that it has or had; none if it always had one, whose dead letters name no lane. */
  readonly laneNumbers: readonly number[];
  /** All numbers of the group: those of each lane are of one moment. */
  read(): Promise<Reading>;
  /** The totals alone: the cost hardly depends on what waits. */
  totals(): Promise<GroupTotals>;
  /** The consumer that holds an entry, and the attempts that were begun; undefined if none holds it. */
  holderOf(entryId: string): Promise<{ consumerId: string; attempt: number } | undefined>;
  /** The live consumers of this output, of all processes, in the order of the list. */
  liveConsumers(): Promise<LiveConsumers>;
  /** Where Redis is, and its memory; with lanes that of the output itself. */
  server(): Promise<ServerMemory>;
  /** `host:port` of the master where the group is, if Sentinels or a Cluster say it; null on a plain Redis. */
  readonly master: string | null;
  /** The source and Redis group of the keys; null if no group has run. */
  owner(): Promise<Owner | null>;
  /** Messages that wait in a list, or after the position in a stream; undefined for a channel, or if Redis cannot tell. */
  waitingIn(source: Source): Promise<number | undefined>;
  /** When messages may have been missed; the last 1,000. */
  gaps(): Promise<Gaps>;
  /** What the keys of a group wait for. Without order `key` Redis is not asked. */
  keyTotals(kind: OrderTotals['kind']): Promise<KeyTotals>;
  /** The newest dead letters, newest first. */
  newestDeadLetters(most: number): AsyncGenerator<StreamEntry>;
  /**
   * A page of dead letters, newest first, without the rest of long texts. One page is read at a time.
   *
   * @param before the page begins before this id; undefined for the newest
   * @param longest bytes of each field
   */
  deadLettersBefore(before: string | undefined, count: number, longest: number): Promise<CutDeadLetter[]>;
  /** One dead letter, by its id. */
  deadLetter(id: string): Promise<StreamEntry | undefined>;
  /**
   * The ids under which the group knows dead letters, each with the id that was given for it. One that cannot be there is left out.
   *
   * @throws {CgroupError} NOT_FOUND for an id that dead letters of several lanes have
   */
  located(ids: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /**
   * Sends dead letters back to the inbox. Each call takes about a megabyte.
   *
   * @param onProgress gets how many were found so far, after each call
   * @returns the ids that were found
   */
  revive(ids: readonly string[], onProgress?: (found: number) => void): Promise<string[]>;
  /** Deletes the dead letters up to one of them, or up to `lastDead` (see `NewestDeadLetters`; '' for none); returns how many. */
  purge(last: string): Promise<number>;
  /** Deletes these dead letters; returns the ids that were found. */
  purgeThese(ids: readonly string[]): Promise<string[]>;
}
