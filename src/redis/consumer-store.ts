import type {
  Buried,
  ConsumerStore,
  DeadLetter,
  Entry,
  Held,
  InboxReader,
  Reclaimed,
  ReclaimRequest,
  Renewed,
  Result,
  Retry,
} from '../core/consumer-store.js';
import type { Keys } from './keys.js';
import { type Connection, refusedAs } from './protocol/connection.js';
import {
  begin,
  bury,
  commit,
  due,
  leave,
  prepare,
  reclaim,
  renew,
  retry,
  sweep,
} from './scripts/consumer.js';

/** One script for each method; the head of its Lua says what is atomic. */
export class RedisConsumerStore implements ConsumerStore {
  readonly #connection: Connection;
  readonly #keys: Keys;
  readonly #group: string;
  readonly #channel: string | undefined;

  /** @param channel what the group reads; undefined if the caller does not relay */
  constructor(connection: Connection, keys: Keys, group: string, channel: string | undefined) {
    this.#connection = connection;
    this.#keys = keys;
    this.#group = group;
    this.#channel = channel;
  }

  prepare(): Promise<boolean> {
    return this.#connection.run(prepare, this.#keys, { group: this.#group, channel: this.#channel });
  }

  commit(results: readonly Result[], maxLength: number): Promise<string[]> {
    return this.#connection.run(commit, this.#keys, { group: this.#group, maxLength, results });
  }

  async retry(retries: readonly Retry[]): Promise<void> {
    await this.#connection.run(retry, this.#keys, { group: this.#group, retries });
  }

  bury(deadLetters: readonly DeadLetter[], maxLength: number): Promise<Buried> {
    return this.#connection.run(bury, this.#keys, { group: this.#group, maxLength, deadLetters });
  }

  begin({ inboxId, consumerId }: Held, attempt: number): Promise<boolean> {
    return this.#connection.run(begin, this.#keys, { group: this.#group, inboxId, consumerId, attempt });
  }

  renew(consumerId: string, inboxIds: readonly string[]): Promise<Renewed> {
    return this.#connection.run(renew, this.#keys, { group: this.#group, consumerId, inboxIds });
  }

  reclaim(request: ReclaimRequest): Promise<Reclaimed> {
    return this.#connection.run(reclaim, this.#keys, { group: this.#group, ...request });
  }

  due(consumerId: string, count: number, longestWait: number): Promise<Entry[]> {
    return this.#connection.run(due, this.#keys, { group: this.#group, consumerId, count, longestWait });
  }

  async leave(consumerId: string, attempts: ReadonlyMap<string, number>): Promise<number> {
    try {
      return await this.#connection.run(leave, this.#keys, { group: this.#group, consumerId, attempts });
    } catch (error) {
      if (refusedAs(error, 'NOGROUP')) return 0; // nothing to leave
      throw error;
    }
  }

  sweep(live: readonly string[], silence: number): Promise<string[]> {
    return this.#connection.run(sweep, this.#keys, { group: this.#group, silence, live });
  }
}

/** Reads with XREADGROUP (https://redis.io/docs/latest/commands/xreadgroup/). */
export class RedisInboxReader implements InboxReader {
  readonly #own: Connection;
  readonly #main: Connection;
  readonly #group: string;
  readonly #consumerId: string;
  readonly #inbox: string;

  /**
   * @param own the consumer's own connection: a read blocks it
   * @param main another connection of the process, which ends a read
   */
  constructor(own: Connection, main: Connection, keys: Keys, group: string, consumerId: string) {
    this.#own = own;
    this.#main = main;
    this.#group = group;
    this.#consumerId = consumerId;
    this.#inbox = keys.inbox;
  }

  read(count: number, block: number | undefined): Promise<Entry[]> {
    const waiting = block === undefined ? [] : ['BLOCK', block];
    const group = ['GROUP', this.#group, this.#consumerId];
    return this.#own.readEntries(...group, 'COUNT', count, ...waiting, 'STREAMS', this.#inbox, '>');
  }

  unblock(): Promise<void> {
    return this.#main.unblock(this.#own);
  }
}
