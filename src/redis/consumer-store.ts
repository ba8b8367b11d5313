import type {
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
import { packTexts } from '../core/packed.js';
import { payloadOf } from '../core/payload.js';
import { type Keys, RETURNED_BELOW } from './keys.js';
import type { Connection } from './protocol/connection.js';
import { refusedAs } from './protocol/connection.js';

/** Everything that consumers say to Redis on a message's way from the inbox to the output. One method per change. */
export class RedisConsumerStore implements ConsumerStore {
  readonly #connection: Connection;
  readonly #keys: Keys;
  readonly #group: string;
  readonly #channel: string | undefined;

  /** @param channel what the group reads; undefined where the caller does not relay, and cannot know */
  constructor(connection: Connection, keys: Keys, group: string, channel: string | undefined) {
    this.#connection = connection;
    this.#keys = keys;
    this.#group = group;
    this.#channel = channel;
  }

  /**
   * Checks the types of the keys and makes the consumer group where it is missing. See `prepare.lua`.
   *
   * @returns whether the group was missing
   * @throws {CgroupError} KEY_TYPE where a key holds something foreign, or the output is that of another channel
   *   or Redis group; nothing is changed then.
   */
  async prepare(): Promise<boolean> {
    const { inbox, output, dead, retry, counters, bridge, processed, gaps } = this.#keys;
    const keys = [inbox, output, dead, retry, counters, bridge, processed, gaps];
    return (await this.#connection.run('prepare', keys, [this.#group, this.#channel ?? ''])) === 1;
  }

  /**
   * Settles results. See `commit.lua`. May be sent again after an unknown outcome.
   *
   * @param results in the order of their inbox ids: the script relies on it
   * @param maxLength entries that the output keeps, about; 0 for all
   * @returns the inbox ids that somebody else had settled
   */
  async commit(results: readonly Result[], maxLength: number): Promise<string[]> {
    const { inbox, output, counters, processed, retry } = this.#keys;
    const runs: [consumerId: string, count: number][] = [];
    const texts: string[] = [];
    for (const { inboxId, consumerId, messageId, data } of results) {
      const run = runs.at(-1);
      if (run?.[0] === consumerId) run[1]++;
      else runs.push([consumerId, 1]);
      texts.push(inboxId, messageId, data);
    }
    return (await this.#connection.run(
      'commit',
      [inbox, output, counters, processed, retry],
      [this.#group, maxLength, RETURNED_BELOW, runs.length, ...runs.flat(), ...packTexts(texts)],
    )) as string[];
  }

  /** Schedules another attempt for each. See `retry.lua`. May be sent again. */
  async retry(retries: readonly Retry[]): Promise<void> {
    const { inbox, retry, counters } = this.#keys;
    const args = [this.#group, ...retries.flatMap((r) => [r.inboxId, r.consumerId, r.wait])];
    await this.#connection.run('retry', [inbox, retry, counters], args);
  }

  /** Settles dead letters. See `bury.lua`. May be sent again. Returns the ids that somebody else had settled. */
  async bury(letters: readonly DeadLetter[]): Promise<string[]> {
    const { inbox, dead, counters, retry } = this.#keys;
    const args = letters.flatMap((l) => [
      l.inboxId,
      l.consumerId,
      l.message,
      l.reason,
      l.error,
      l.attempts,
      l.failed ? 1 : 0,
    ]);
    return (await this.#connection.run(
      'bury',
      [inbox, dead, counters, retry],
      [this.#group, ...args],
    )) as string[];
  }

  /**
   * Notes that an attempt begins on an entry that was not fresh. See `begin.lua`.
   *
   * @returns whether the consumer still holds it
   */
  async begin({ inboxId, consumerId }: Held, attempt: number): Promise<boolean> {
    const args = [this.#group, inboxId, consumerId, attempt];
    return (await this.#connection.run('begin', [this.#keys.inbox], args)) === 1;
  }

  /** Says that entries are still in a consumer's work. See `renew.lua`. */
  async renew(consumerId: string, inboxIds: readonly string[]): Promise<Renewed> {
    const { inbox, counters } = this.#keys;
    const args = [this.#group, consumerId, ...inboxIds];
    const reply = await this.#connection.run('renew', [inbox, counters], args);
    const [deleted, ...gone] = reply as [number, ...string[]];
    return { gone, deleted };
  }

  /** Gives a consumer entries that others have been silent about. See `reclaim.lua`. */
  async reclaim({ consumerId, silence, count, everyone, from }: ReclaimRequest): Promise<Reclaimed> {
    const { inbox, retry, counters } = this.#keys;
    const args = [this.#group, consumerId, silence, count, everyone ? 1 : ''];
    const reply = await this.#connection.runBuffer(
      'reclaim',
      [inbox, retry, counters],
      [...args, from?.consumerId ?? '', from?.after ?? ''],
    );
    const [next, after, lost, ...flat] = reply as [Buffer, Buffer, number, ...(Buffer | number)[]];
    return {
      entries: entriesOf(flat),
      next: next.length > 0 ? { consumerId: String(next), after: String(after) } : undefined,
      lost,
    };
  }

  /**
   * Gives a consumer entries whose next attempt is due. See `due.lua`.
   *
   * @param longestWait ms; a due time farther away comes from a clock that was put back
   */
  async due(consumerId: string, count: number, longestWait: number): Promise<Entry[]> {
    const { inbox, retry, counters } = this.#keys;
    const args = [this.#group, consumerId, count, longestWait, RETURNED_BELOW];
    const reply = await this.#connection.runBuffer('due', [inbox, retry, counters], args);
    return entriesOf(reply as (Buffer | number)[]);
  }

  /**
   * A consumer hands back all it holds and leaves the Redis group. See `leave.lua`.
   *
   * @param attempts attempts made on the entries that it knows of, by inbox id
   * @returns how many entries were handed back
   */
  async leave(consumerId: string, attempts: ReadonlyMap<string, number>): Promise<number> {
    const { inbox, retry, processed } = this.#keys;
    const args = [this.#group, consumerId, ...[...attempts].flat()];
    try {
      const [back] = (await this.#connection.run('leave', [inbox, retry, processed], args)) as [
        number,
        number,
      ];
      return back;
    } catch (error) {
      if (refusedAs(error, 'NOGROUP')) return 0; // nothing to leave
      throw error;
    }
  }

  /** Removes dead consumers with nothing pending from the Redis group. See `sweep.lua`. Returns their ids. */
  async sweep(live: readonly string[], silence: number): Promise<string[]> {
    const args = [this.#group, silence, ...live];
    return (await this.#connection.run('sweep', [this.#keys.inbox, this.#keys.processed], args)) as string[];
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
   * @param main another connection of the process, to end a read with
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

function entriesOf(flat: readonly (Buffer | number)[]): Entry[] {
  const entries: Entry[] = [];
  for (let i = 0; i < flat.length; i += 3)
    entries.push({
      id: String(flat[i]),
      message: payloadOf(flat[i + 1] as Buffer),
      attempts: Number(flat[i + 2]),
    });
  return entries;
}
