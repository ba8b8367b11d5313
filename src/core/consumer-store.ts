import type { Payload } from './message.js';

/** An inbox entry as a consumer gets it. */
export interface Entry {
  /** The id in the inbox stream: the message's identity. */
  readonly id: string;
  readonly message: Payload;
  /** Attempts made before this delivery. */
  readonly attempts: number;
}

/** Bytes of the messages, about: those of a text are counted as its characters. */
export function bytesOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, { message }) => sum + message.length, 0);
}

/** An entry that a consumer holds. */
export interface Held {
  readonly inboxId: string;
  readonly consumerId: string;
}

/** One processed message. */
export interface Result extends Held {
  readonly messageId: string;
  /** The JSON that goes to the output. */
  readonly data: string;
}

export type DeadReason = 'invalid-json' | 'no-message-id' | 'failed' | 'timeout';

/** A message that is given up. */
export interface DeadLetter extends Held {
  readonly message: Payload;
  readonly reason: DeadReason;
  readonly error: string;
  /** Attempts made, this one included. */
  readonly attempts: number;
  /** Whether an attempt failed, as against a message that could not be tried at all. */
  readonly failed: boolean;
}

export interface Buried {
  /** Dead letters that are kept now. */
  readonly kept: number;
  /** The inbox ids that were settled before. */
  readonly late: string[];
}

/** One failed attempt that will be followed by another. */
export interface Retry extends Held {
  /** Wait before the next attempt, ms. */
  readonly wait: number;
}

/** How far a scan of the pending entries has come: at this consumer, after this id. */
export interface Cursor {
  readonly consumerId: string;
  readonly after: string;
}

export interface Reclaimed {
  readonly entries: Entry[];
  /** Where the scan goes on; undefined at its end. */
  readonly next: Cursor | undefined;
  /** Pending entries that another client deleted from the inbox. */
  readonly lost: number;
}

export interface ReclaimRequest {
  /** The consumer that gets the entries. */
  readonly consumerId: string;
  /** ms after which an entry may be taken from its consumer. */
  readonly silence: number;
  /** At most so many; fewer if they are large. */
  readonly count: number;
  /**
   * Whether to scan the entries of all consumers, not only of silent ones. A live consumer may not know of entries that
   * Redis gave it, if the reply was lost: only such a scan finds them.
   */
  readonly everyone: boolean;
  /** What the last call returned. */
  readonly from?: Cursor | undefined;
}

/** Entries whose next attempt is due. */
export interface Due {
  readonly entries: Entry[];
  /** Whether more may be due: one call returns a limited number. */
  readonly more: boolean;
  /** Members of the retry zset that were no ids of entries, and were removed. */
  readonly foreign: number;
}

export interface Strays {
  /** Entries that were handed back. */
  readonly found: number;
  /** Where the search goes on; undefined at its end. */
  readonly next: string | undefined;
}

export interface Renewed {
  /** The inbox ids that the consumer no longer holds. */
  readonly gone: string[];
  /** How many of them another client deleted from the inbox. */
  readonly deleted: number;
}

/** Reads new entries for one consumer. It has a connection of its own, because a read may wait. */
export interface InboxReader {
  /**
   * Reads at most `count` new entries.
   *
   * @param block ms to wait for the first entry; undefined for not at all
   * @returns none if none came in time
   * @throws {CgroupError} NO_GROUP if the consumer group is gone: {@link ConsumerStore.prepare} makes it again
   */
  read(count: number, block: number | undefined): Promise<Entry[]>;
  /** Makes a waiting read return at once, empty if nothing came. */
  unblock(): Promise<void>;
}

/**
 * What consumers do in Redis on a message's way from the inbox to the output. One method for each change of state.
 *
 * @throws {CgroupError} every method rejects if Redis refuses or does not answer
 */
export interface ConsumerStore {
  /**
   * Checks the types of the keys and makes the consumer group if it is missing. Resolves to whether it was.
   *
   * @throws {CgroupError} KEY_TYPE if a key holds something foreign, or the output is that of another channel
   *   or Redis group; nothing is changed then
   */
  prepare(): Promise<boolean>;
  /**
   * Settles results. May be sent again after an unknown outcome.
   *
   * @param results in the order of their inbox ids
   * @param maxLength entries that the output keeps, about; 0 for all
   * @returns the inbox ids that were settled before
   */
  commit(results: readonly Result[], maxLength: number): Promise<string[]>;
  /** Schedules another attempt for each. May be sent again. */
  retry(retries: readonly Retry[]): Promise<void>;
  /**
   * Settles dead letters. May be sent again.
   *
   * @param maxLength dead letters that are kept, about; 0 for all
   */
  bury(deadLetters: readonly DeadLetter[], maxLength: number): Promise<Buried>;
  /** Notes that an attempt begins on an entry that was not fresh. Resolves to whether the consumer still holds it. */
  begin(held: Held, attempt: number): Promise<boolean>;
  /** Says that the entries are still in a consumer's work. */
  renew(consumerId: string, inboxIds: readonly string[]): Promise<Renewed>;
  /** Gives a consumer entries of silent consumers. */
  reclaim(request: ReclaimRequest): Promise<Reclaimed>;
  /**
   * Gives a consumer entries whose next attempt is due.
   *
   * @param count at most so many
   * @param longestWait ms; a due time farther away was set before Redis's clock was put back
   */
  due(consumerId: string, count: number, longestWait: number): Promise<Due>;
  /**
   * Hands back all entries of a consumer and takes it out of the Redis group.
   *
   * @param attempts attempts made on the entries that the consumer knows of, by inbox id
   * @returns how many entries were handed back
   */
  leave(consumerId: string, attempts: ReadonlyMap<string, number>): Promise<number>;
  /**
   * Hands back entries that were delivered and are pending with no consumer: another program acknowledged them, or
   * removed their consumer. {@link due} gives them out.
   *
   * @param from what the last call returned as `next`; undefined for the beginning
   */
  strays(from: string | undefined): Promise<Strays>;
  /** Removes dead consumers with nothing pending from the Redis group. Resolves to their ids. */
  sweep(live: readonly string[], silence: number): Promise<string[]>;
}
