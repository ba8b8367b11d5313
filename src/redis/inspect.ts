import { performance } from 'node:perf_hooks';
import type { ControlStore } from '../core/control.js';
import { hasCode } from '../core/errors.js';
import { countIn, identityIn, isPackId } from '../core/pack.js';
import { endsOfTexts, HEAD } from '../core/packed.js';
import { ReadSize } from '../core/read-size.js';
import { pause } from '../core/service.js';
import { isEntryId } from '../core/stream-id.js';
import { RedisControlStore } from './control-store.js';
import { type ForeignValue, integerOf, LATEST_TIME } from './foreign.js';
import type { Keys } from './keys.js';
import type { Connection } from './protocol/connection.js';
import {
  type CutDeadLetter,
  type EntryReply,
  entryOf,
  type GroupTotals,
  mapOf,
  type Reading,
  type ReadingWithEnd,
  readingOf,
  type StreamEntry,
  totalsOf,
} from './reading.js';
import { consumersFor, type LiveConsumers } from './registry.js';
import { deadLetters, purge, revive, snapshot, totals } from './scripts/group.js';

/** The channel and the Redis group that the keys of a group name. */
export interface Owner {
  /** Undefined if no process ever had a bridge. */
  readonly channel: string | undefined;
  readonly group: string;
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

/** Most entries of a page. */
const PAGE = 1_000;
/** Most dead letters sent back in one call. */
const REVIVED = 500;
/** ms that a call may take: after a longer one, Redis gets as long for others. */
const SHORT = 10;

/** Reads a group from outside, and acts on its dead letters. */
export class Inspector {
  /** What operators want of the group, and its processes. */
  readonly control: ControlStore;
  readonly #connection: Connection;
  readonly #keys: Keys;
  readonly #group: string;
  /** The page of dead letters that was asked for last. */
  #lastPage: Promise<unknown> = Promise.resolve();

  constructor(connection: Connection, keys: Keys, group: string) {
    this.#connection = connection;
    this.#keys = keys;
    this.#group = group;
    this.control = new RedisControlStore(connection, keys);
  }

  /** All numbers at one moment. */
  read(): Promise<Reading> {
    return this.#read(false);
  }

  /** As {@link read}, and where the output ends: for that, Redis copies its newest entry. */
  readWithEnd(): Promise<ReadingWithEnd> {
    return this.#read(true);
  }

  async #read(withLastOutput: boolean): Promise<ReadingWithEnd> {
    const options = { group: this.#group, withLastOutput };
    return readingOf(await this.#connection.run(snapshot, this.#keys, options), this.#keys);
  }

  /** The totals alone: the cost hardly depends on what waits. */
  async totals(): Promise<GroupTotals> {
    return totalsOf(await this.#connection.run(totals, this.#keys, { group: this.#group }), this.#keys);
  }

  /** The live consumers of this output, of all processes, in the order of the list. */
  async liveConsumers(): Promise<LiveConsumers> {
    const { consumerList, members } = this.#keys;
    const [ids, facts] = (await Promise.all([
      this.#connection.call('LRANGE', consumerList, 0, -1),
      this.#connection.call('HGETALL', members),
    ])) as [string[], string[]];
    return consumersFor(this.#keys, ids, mapOf(facts));
  }

  /** The channel and Redis group of the keys; null if no group has run. */
  async owner(): Promise<Owner | null> {
    const found = await this.#connection.call('HMGET', this.#keys.bridge, 'channel', 'group');
    const [channel, group] = found as (string | null)[];
    return group ? { channel: channel ?? undefined, group } : null;
  }

  /** When messages may have been missed; the last 1,000. */
  async gaps(): Promise<Gaps> {
    const { gaps: key } = this.#keys;
    const [records, foreign]: [GapRecord[], ForeignValue[]] = [[], []];
    for await (const { id, fields } of this.#entries('XREVRANGE', key, '+', '-', PAGE)) {
      const [from, to] = [timeIn(fields.from), timeIn(fields.to)];
      if (from === undefined || to === undefined) foreign.push({ key, field: id });
      else records.push({ from, to, reason: String(fields.reason ?? '') });
    }
    return { records: records.reverse(), foreign };
  }

  /** The output up to an entry, in order. */
  output(last: string): AsyncGenerator<StreamEntry> {
    return this.#entries('XRANGE', this.#keys.output, '-', last);
  }

  /**
   * The unsettled messages, each under its id; those of packs first. A message that leaves its pack meanwhile is found in the
   * inbox, perhaps for the second time.
   */
  async *inbox(): AsyncGenerator<StreamEntry> {
    for await (const { id, fields } of this.#entries('XRANGE', this.#keys.packs, '-', '+')) {
      const { pack = Buffer.alloc(0) } = fields;
      const ends = isPackId(id) ? endsOfTexts(pack, 0, pack.length, countIn(id)) : undefined;
      let from = HEAD;
      for (const [i, end] of (ends ?? []).entries()) {
        yield { id: identityIn(id, i + 1), fields: { message: pack.subarray(from, end) } };
        from = end + HEAD;
      }
    }
    for await (const { id, fields } of this.#entries('XRANGE', this.#keys.inbox, '-', '+')) {
      const identity = String(fields.id);
      yield { id: isEntryId(identity) ? identity : id, fields };
    }
  }

  /** The dead letters up to an entry, oldest first. */
  deadLetters(last = '+'): AsyncGenerator<StreamEntry> {
    return this.#entries('XRANGE', this.#keys.dead, '-', last);
  }

  /** The newest dead letters, newest first. */
  newestDeadLetters(most: number): AsyncGenerator<StreamEntry> {
    return this.#entries('XREVRANGE', this.#keys.dead, '+', '-', most);
  }

  /**
   * A page of dead letters, newest first, without the rest of long texts. One page is read at a time.
   *
   * @param before the page begins before this id; undefined for the newest
   * @param longest bytes of each field
   */
  deadLettersBefore(before: string | undefined, count: number, longest: number): Promise<CutDeadLetter[]> {
    const read = () => this.#readCut(before === undefined ? '+' : `(${before}`, count, longest);
    const page = this.#lastPage.then(read, read);
    this.#lastPage = page;
    return page;
  }

  async #readCut(first: string, count: number, longest: number): Promise<CutDeadLetter[]> {
    const page: CutDeadLetter[] = [];
    for (let from = first; from !== '' && page.length < count; ) {
      const began = performance.now();
      const options = { from, count: Math.min(count - page.length, PAGE), longest };
      const { letters, next } = await this.#connection.run(deadLetters, this.#keys, options);
      page.push(...letters);
      from = next;
      const took = performance.now() - began;
      if (took > SHORT) await pause(took);
    }
    return page;
  }

  /** One dead letter, by its id in the dead-letter stream. */
  async deadLetter(id: string): Promise<StreamEntry | undefined> {
    const reply = await this.#connection.callBuffer('XRANGE', this.#keys.dead, id, id);
    return (reply as EntryReply[]).map(entryOf)[0];
  }

  /**
   * Sends dead letters back to the inbox. Each call takes about a megabyte.
   *
   * @param onProgress gets how many were found so far, after each call
   * @returns the ids that were found
   */
  async revive(ids: readonly string[], onProgress?: (found: number) => void): Promise<string[]> {
    const found: string[] = [];
    for (let first = 0; first < ids.length; ) {
      const page = { ids: ids.slice(first, first + REVIVED) };
      const { done, revived } = await this.#connection.run(revive, this.#keys, page);
      found.push(...revived);
      first += done;
      onProgress?.(found.length);
    }
    return found;
  }

  /** Deletes the dead letters up to one of them (`lastDead`; '' for none); returns how many. */
  async purge(last: string): Promise<number> {
    return last === '' ? 0 : this.#connection.run(purge, this.#keys, { last });
  }

  /** @param last '' for no entry at all */
  async *#entries(
    command: 'XRANGE' | 'XREVRANGE',
    key: string,
    first: string,
    last: string,
    most = Infinity,
  ): AsyncGenerator<StreamEntry> {
    if (last === '') return;
    const size = new ReadSize(PAGE);
    let from = first;
    let left = most;
    while (left > 0) {
      const count = Math.min(left, size.count);
      const reply = await this.#connection
        .callBuffer(command, key, from, last, 'COUNT', count)
        .catch((error: unknown) => {
          // A large reply may have been too much for the link, or for a limit of Redis.
          if (count === 1 || !hasCode(error, 'REDIS_UNREACHABLE')) throw error;
          size.failed();
        });
      if (reply === undefined) continue;
      const page = (reply as EntryReply[]).map(entryOf);
      size.came(page.length, bytesIn(page));
      yield* page;
      left -= page.length;
      const end = page.at(-1);
      if (!end || page.length < count) return;
      from = `(${end.id}`;
    }
  }
}

/** The time in a field of a gap; undefined if the group cannot have written it. */
function timeIn(value: Buffer | undefined): number | undefined {
  const time = integerOf(String(value));
  return time !== undefined && time <= LATEST_TIME ? time : undefined;
}

function bytesIn(entries: readonly StreamEntry[]): number {
  return entries.flatMap(({ fields }) => Object.values(fields)).reduce((sum, value) => sum + value.length, 0);
}
