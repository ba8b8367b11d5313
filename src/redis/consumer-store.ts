import type {
  Buried,
  ConsumerStore,
  DeadLetter,
  Due,
  Entry,
  Held,
  InboxReader,
  Reclaimed,
  ReclaimRequest,
  Renewed,
  Result,
  Retry,
  Strays,
} from '../core/consumer-store.js';
import type { Payload } from '../core/message.js';
import { compareIds } from '../core/stream-id.js';
import type { Keys } from './keys.js';
import { type Connection, refusedAs } from './protocol/connection.js';
import { messageIn } from './protocol/entries.js';
import type { EntryReply } from './reading.js';
import {
  begin,
  bury,
  type Claim,
  commit,
  due,
  leave,
  prepare,
  reclaim,
  renew,
  retry,
  strays,
  sweep,
} from './scripts/consumer.js';

/** Entries of one call of a script that costs some µs for each: Redis does nothing else meanwhile. */
const PAGE = 1_000;

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

  async renew(consumerId: string, inboxIds: readonly string[]): Promise<Renewed> {
    const gone: string[] = [];
    let deleted = 0;
    for (let first = 0; first < inboxIds.length; first += PAGE) {
      const page = { consumerId, inboxIds: inboxIds.slice(first, first + PAGE) };
      const found = await this.#connection.run(renew, this.#keys, { group: this.#group, ...page });
      gone.push(...found.gone);
      deleted += found.deleted;
    }
    return { gone, deleted };
  }

  async reclaim(request: ReclaimRequest): Promise<Reclaimed> {
    const { claimed, ...rest } = await this.#connection.run(reclaim, this.#keys, {
      group: this.#group,
      ...request,
    });
    return { ...rest, entries: await this.#entriesOf(claimed) };
  }

  async due(consumerId: string, count: number, longestWait: number): Promise<Due> {
    const request = { group: this.#group, consumerId, count, longestWait };
    const { claimed, ...rest } = await this.#connection.run(due, this.#keys, request);
    return { ...rest, entries: await this.#entriesOf(claimed) };
  }

  async #entriesOf(claimed: readonly Claim[]): Promise<Entry[]> {
    const messages = await Promise.all(claimed.map(({ id }) => this.#messageOf(id)));
    return claimed.flatMap((claim, i) => {
      const message = messages[i];
      return message === undefined ? [] : [{ ...claim, message }];
    });
  }

  /** The message of an entry; undefined if it was settled meanwhile. */
  async #messageOf(id: string): Promise<Payload | undefined> {
    const reply = await this.#connection.callBuffer('XRANGE', this.#keys.inbox, id, id);
    const [entry] = reply as EntryReply[];
    return entry && messageIn(entry[1]);
  }

  strays(from: string | undefined): Promise<Strays> {
    return this.#connection.run(strays, this.#keys, { group: this.#group, from });
  }

  async leave(consumerId: string, attempts: ReadonlyMap<string, number>): Promise<number> {
    const known = [...attempts].sort(([a], [b]) => compareIds(a, b));
    let left = 0;
    for (let from = '-'; from !== ''; ) {
      const after = from.slice(1);
      const ahead = after === '' ? known : known.filter(([id]) => compareIds(id, after) > 0);
      const some = ahead.slice(0, PAGE);
      const to = ahead.length > PAGE ? (some.at(-1)?.[0] ?? '+') : '+';
      const page = { consumerId, attempts: new Map(some), from, to, count: PAGE };
      try {
        const { handedBack, next } = await this.#connection.run(leave, this.#keys, {
          group: this.#group,
          ...page,
        });
        left += handedBack;
        from = next;
      } catch (error) {
        if (refusedAs(error, 'NOGROUP')) return left; // nothing to leave
        throw error;
      }
    }
    return left;
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
