import type { Outcome } from './executor.js';
import type { Payload } from './message.js';
import { identitiesIn } from './pack.js';

/** An inbox entry as a consumer gets it. */
export interface Entry {
  /** The id in the inbox stream. */
  readonly id: string;
  /** The id of the message, if it came out of a pack; else it is the id of the entry. */
  readonly identity?: string | undefined;
  /** The key of the message, as JSON; undefined if it has none, or without order `key`. */
  readonly key?: string | undefined;
  readonly message: Payload;
  /** Attempts made before this delivery. */
  readonly attempts: number;
  /** How the next attempt ended: it was made while the message was in a pack, and has to be recorded. */
  readonly outcome?: UnrecordedOutcome | undefined;
}

/** An outcome that is kept in the inbox until it is recorded. */
export type UnrecordedOutcome = Exclude<Outcome, { readonly kind: 'processed' | 'interrupted' }>;

/** Many messages in one entry, as a consumer gets them. The id of message `k`, from 1, is {@link identityIn}. */
export interface Pack {
  /** The id in the stream of packs: the id of its last message. */
  readonly id: string;
  readonly messages: readonly Payload[];
  /** The key of all its messages, as JSON: they are processed one after the other. Undefined without order `key`. */
  readonly key?: string | undefined;
}

/** A message that goes from its pack to the inbox: no attempt on it counts, but for the one of `outcome`. */
export interface LeftMessage {
  /** Its number in the pack, from 1. */
  readonly number: number;
  readonly outcome?: UnrecordedOutcome | undefined;
}

/** What became of the messages of a pack, in the order of their numbers: each is left, or has a result. */
export interface PackSettlement {
  readonly id: string;
  readonly consumerId: string;
  /** The message id and the data (JSON) of each message that has a result, in turn. */
  readonly texts: readonly string[];
  readonly left: readonly LeftMessage[];
  /** As in {@link Pack}: then only its first messages have results. */
  readonly key?: string | undefined;
  /** When the attempt that made each result began and ended, in turn: ms since 1970. There if the group writes times. */
  readonly times?: readonly number[];
  /** Of a pack with a key: more than one message without a result may have been begun. */
  readonly begun?: boolean;
}

/** A pack that a consumer hands back, with its messages that have an outcome and no result. */
export type HeldPack = Pick<PackSettlement, 'id' | 'left' | 'key'>;

/** How many attempts a consumer has made on the entries that it holds, by the id of the entry. */
export type AttemptsMade = ReadonlyMap<string, number>;

/** How many messages of a pack have results. */
export function resultsIn({ texts }: Pick<PackSettlement, 'texts'>): number {
  return texts.length / 2;
}

/** The inbox ids of the messages of a pack that have results. */
export function processedIn({ id, texts, left }: Pick<PackSettlement, 'id' | 'texts' | 'left'>): string[] {
  const all = identitiesIn(id, resultsIn({ texts }) + left.length);
  if (left.length === 0) return all;
  const isLeft = new Set(left.map(({ number }) => number));
  return all.filter((_, i) => !isLeft.has(i + 1));
}

/** Bytes of the messages, about: those of a text are counted as its characters. */
export function bytesOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, { message }) => sum + message.length, 0);
}

/** An entry that a consumer holds. */
export interface Held {
  /** The id of the entry in the inbox. */
  readonly entryId: string;
  readonly consumerId: string;
}

/** One processed message. */
export interface Result extends Held {
  /** The id of the message: another one than that of the entry if it came out of a pack. */
  readonly inboxId: string;
  readonly messageId: string;
  /** The JSON that goes to the output. */
  readonly data: string;
  /** Attempts made, the last one included. This and the times are there if the group writes times. */
  readonly attempts?: number;
  /** When the last attempt began, ms since 1970. */
  readonly startedAt?: number | undefined;
  /** When it ended. */
  readonly finishedAt?: number | undefined;
  /** The key of the message, as JSON; with order `key` only. */
  readonly key?: string | undefined;
}

/** Why messages become dead letters. */
export const DEAD_REASONS = ['invalid-json', 'no-message-id', 'failed', 'timeout'] as const;
export type DeadReason = (typeof DEAD_REASONS)[number];

/** A message that is given up. */
export interface DeadLetter extends Held {
  /** The id of the message, as in a result. */
  readonly inboxId: string;
  readonly message: Payload;
  readonly reason: DeadReason;
  readonly error: string;
  /** Of the Error that ended the last attempt; of one that this process has seen. */
  readonly stack?: string | undefined;
  /** Attempts made, this one included. */
  readonly attempts: number;
  /** Whether an attempt failed, as against a message that could not be tried at all. */
  readonly failed: boolean;
  /** When the last attempt began and ended, as in a result. */
  readonly startedAt?: number | undefined;
  readonly finishedAt?: number | undefined;
  /** The key of the message, as JSON; with order `key` only. */
  readonly key?: string | undefined;
}

/** A dead letter that stops an order (onDead halt). */
export interface Halt {
  /** Its id in the dead-letter stream; '' while the message is tried again. */
  readonly deadId: string;
  /** The id of the message. */
  readonly inboxId: string;
  /** The key whose messages wait, as JSON; undefined if all results wait (order total). */
  readonly key: string | undefined;
}

export interface Buried {
  /** Dead letters that are kept now. */
  readonly kept: number;
  /** The entry ids that were settled before. */
  readonly late: string[];
  /** Those that stop an order from now on; undefined for none. */
  readonly halted?: readonly Halt[] | undefined;
}

/** One failed attempt that will be followed by another. */
export interface Retry extends Held {
  /** The id of the message, as in a result. */
  readonly inboxId: string;
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

/** What {@link ConsumerStore.rescue} or {@link ConsumerStore.unpack} did. */
export interface Rescued {
  /** Messages that went to the inbox. */
  readonly messages: number;
  /** Whether there may be more to do: one call does a limited amount. */
  readonly more: boolean;
  /** Messages of pending packs that another client deleted. */
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
  /** The ids of the entries that the consumer no longer holds. */
  readonly gone: string[];
  /** How many messages of them another client deleted. */
  readonly deleted: number;
}

/** What a read found. */
export interface ReadEntries {
  readonly packs: readonly Pack[];
  readonly entries: readonly Entry[];
  /** Whether more is waiting. */
  readonly more: boolean;
}

/** Reads new entries for one consumer. It has a connection of its own, because a read may wait. */
export interface InboxReader {
  /**
   * Reads about `count` messages: that many entries of one message at most, or the packs that hold about as many.
   *
   * @param block ms to wait for the first entry; undefined for not at all
   * @returns nothing if nothing came in time
   * @throws {CgroupError} NO_GROUP if the consumer group is gone: {@link ConsumerStore.prepare} makes it again
   */
  read(count: number, block: number | undefined): Promise<ReadEntries>;
  /** Makes a waiting read return at once, empty if nothing came. */
  unblock(): Promise<void>;
}

/** What settles messages. */
export type SettlingStore = Pick<ConsumerStore, 'prepare' | 'commit' | 'settlePacks' | 'bury' | 'retry'>;

/**
 * What consumers do in Redis on a message's way from the inbox to the output. One method for each change of state.
 *
 * @throws {CgroupError} every method rejects if Redis refuses or does not answer
 */
export interface ConsumerStore {
  /**
   * Checks the types of the keys and makes the consumer group if it is missing. Resolves to whether it was.
   *
   * @throws {CgroupError} KEY_TYPE if a key holds something foreign, or the output is that of another source
   *   or Redis group; nothing is changed then
   */
  prepare(): Promise<boolean>;
  /**
   * Settles results. May be sent again after an unknown outcome.
   *
   * @param results in the order of their entry ids
   * @param maxLength entries that the output keeps, about; 0 for all
   * @returns the entry ids that were settled before
   */
  commit(results: readonly Result[], maxLength: number): Promise<string[]>;
  /**
   * Settles packs. May be sent again.
   *
   * @param maxLength as for {@link commit}
   * @returns the ids of the packs that were settled before, by any consumer: for these nothing was written
   */
  settlePacks(packs: readonly PackSettlement[], maxLength: number): Promise<string[]>;
  /** The message of an entry that is in the inbox; undefined if it was settled. */
  messageOf(entryId: string): Promise<Payload | undefined>;
  /** Unpacks the packs of silent consumers, and those that no consumer holds. */
  rescue(silence: number): Promise<Rescued>;
  /**
   * Unpacks packs that no consumer has read: processes of an older version cannot read them.
   *
   * @param keepRuns whether packs of messages of one key stay; by default they do not
   */
  unpack(keepRuns?: boolean): Promise<Omit<Rescued, 'lost'>>;
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
  renew(consumerId: string, entryIds: readonly string[]): Promise<Renewed>;
  /** The same for packs. */
  renewPacks(consumerId: string, ids: readonly string[]): Promise<Renewed>;
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
   * @param attempts of the entries that the consumer knows of
   * @param packs the packs that it holds: their messages go back to the inbox, those that are not listed without an attempt
   * @returns how many messages were handed back
   */
  leave(consumerId: string, attempts: AttemptsMade, packs: readonly HeldPack[]): Promise<number>;
  /**
   * Hands back all entries of a consumer that stays in the Redis group, and packs that it does not know.
   *
   * @param attempts as for {@link leave}
   * @returns how many messages were handed back
   */
  handBack(consumerId: string, attempts: AttemptsMade): Promise<number>;
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
