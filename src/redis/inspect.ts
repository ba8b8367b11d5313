import { performance } from 'node:perf_hooks';
import type { ControlStore } from '../core/control.js';
import { NewestDeadLetters } from '../core/dead-letter-id.js';
import { countIn, identityIn, isPackId } from '../core/pack.js';
import { endsOfTexts, HEAD } from '../core/packed.js';
import { hostAndPort } from '../core/redis-address.js';
import { pause } from '../core/service.js';
import type { Source } from '../core/source.js';
import { isEntryId } from '../core/stream-id.js';
import { RedisControlStore } from './control-store.js';
import { type ForeignValue, integerOf, LATEST_TIME } from './foreign.js';
import type {
  GapRecord,
  Gaps,
  GroupInspector,
  LaneReader,
  Owner,
  WaitingMessages,
} from './group-inspector.js';
import { Halts } from './halts.js';
import { hashesOf, type Keys } from './keys.js';
import { type OutputEnd, type OutputEntry, outputEntryOf } from './output.js';
import { Pages } from './pages.js';
import type { Connection } from './protocol/connection.js';
import { RefusedError } from './protocol/failure.js';
import {
  type CutDeadLetter,
  type EntryReply,
  entryOf,
  type GroupTotals,
  mapOf,
  type OrderTotals,
  type Reading,
  type ReadingWithEnd,
  readingOf,
  type StreamEntry,
  totalsOf,
} from './reading.js';
import { consumersFor, type LiveConsumers } from './registry.js';
import { deadLetters, purge, purgeThese, revive, snapshot, totals } from './scripts/group.js';
import { hottest, type KeyTotals } from './scripts/keyed.js';
import { streamLag } from './scripts/source.js';
import { readMemory, type ServerMemory } from './server.js';

/** Most entries of a page. */
const PAGE = 1_000;
/** Most dead letters sent back, or deleted by their ids, in one call. */
const LETTERS = 500;
/** Keys that are shown. */
export const HOTTEST_KEYS = 10;
/** Bytes of each, and ms after which one is stuck. */
const HOTTEST = { most: HOTTEST_KEYS, longest: 200, late: 30_000 };
/** ms that a call may take: after a longer one, Redis gets as long for others. */
const SHORT = 10;

/** Reads a group that has one lane, or one lane of a group. */
export class Inspector implements GroupInspector, LaneReader {
  readonly control: ControlStore;
  readonly halts: Halts;
  readonly laneNumbers: readonly number[] = [];
  readonly #connection: Connection;
  readonly #registry: Connection;
  readonly #keys: Keys;
  readonly #group: string;
  readonly #pages: Pages;
  /** The page of dead letters that was asked for last. */
  #lastPage: Promise<unknown> = Promise.resolve();

  /** @param registry the connection for the list of consumers and the processes (see `openRegistry`) */
  constructor(connection: Connection, keys: Keys, group: string, registry = connection) {
    this.#connection = connection;
    this.#registry = registry;
    this.#keys = keys;
    this.#group = group;
    this.#pages = new Pages(connection, keys);
    this.control = new RedisControlStore(connection, keys, registry);
    this.halts = new Halts(connection, keys);
  }

  get lanes(): readonly LaneReader[] {
    return [this];
  }

  /** The key of the output. */
  get outputKey(): string {
    return this.#keys.output;
  }

  /** The node where it reads, as `host:port`; null without a connection. */
  get node(): string | null {
    const { at } = this.#connection;
    return at ? hostAndPort(at) : null;
  }

  read(): Promise<Reading> {
    return this.#read(false);
  }

  readWithEnd(): Promise<ReadingWithEnd> {
    return this.#read(true);
  }

  /** The server where the group's keys are, `host:port`, if others replace it; null on a plain Redis, or while it is away. */
  get master(): string | null {
    const { isPlain, at } = this.#connection;
    return isPlain || !at ? null : hostAndPort(at);
  }

  async #read(withLastOutput: boolean): Promise<ReadingWithEnd> {
    const options = { group: this.#group, withLastOutput };
    return readingOf(await this.#connection.run(snapshot, this.#keys, options), this.#keys);
  }

  async totals(): Promise<GroupTotals> {
    return totalsOf(await this.#connection.run(totals, this.#keys, { group: this.#group }), this.#keys);
  }

  async holderOf(entryId: string): Promise<{ consumerId: string; attempt: number } | undefined> {
    const { inbox } = this.#keys;
    const found = this.#connection.call('XPENDING', inbox, this.#group, entryId, entryId, 1);
    // The group may be gone.
    const [pending] = (await found.catch(() => [])) as [string, string, number, number][];
    return pending && { consumerId: pending[1], attempt: pending[3] };
  }

  async liveConsumers(): Promise<LiveConsumers> {
    const { consumerList, members } = this.#keys;
    const [ids, facts] = (await Promise.all([
      this.#registry.call('LRANGE', consumerList, 0, -1),
      this.#registry.call('HGETALL', members),
    ])) as [string[], string[]];
    return consumersFor(this.#keys, ids, mapOf(facts));
  }

  server(): Promise<ServerMemory> {
    return readMemory(this.#connection);
  }

  async owner(): Promise<Owner | null> {
    const fields = ['group', 'consumerList', 'channel', 'source', 'listFrom', 'sharded'];
    const found = await this.#connection.call('HMGET', this.#keys.bridge, ...fields);
    const [group, consumerList, ...source] = found as (string | null)[];
    if (!group) return null;
    return { source: sourceIn(source), group, ...(consumerList && { consumerList }) };
  }

  async waitingIn({ kind, name }: Source): Promise<number | undefined> {
    if (kind === 'channel' || !this.#connection.serves(name)) return undefined;
    try {
      if (kind === 'list') return Number(await this.#connection.call('LLEN', name));
      return await this.#connection.run(streamLag, { ...this.#keys, source: name }, {});
    } catch (error) {
      // Another type, which pulling tells.
      if (error instanceof RefusedError) return undefined;
      throw error;
    }
  }

  async gaps(): Promise<Gaps> {
    const { gaps: key } = this.#keys;
    const [records, foreign]: [GapRecord[], ForeignValue[]] = [[], []];
    for await (const { id, fields } of this.#pages.entries('XREVRANGE', key, '+', '-', PAGE)) {
      const [from, to] = [timeIn(fields.from), timeIn(fields.to)];
      if (from === undefined || to === undefined) foreign.push({ key, field: id });
      else records.push({ from, to, reason: String(fields.reason ?? '') });
    }
    return { records: records.reverse(), foreign };
  }

  async *output(end: OutputEnd): AsyncGenerator<OutputEntry> {
    if (end.outputType === 'list') yield* this.#pages.elements(end);
    else
      for await (const entry of this.#pages.entries('XRANGE', this.#keys.output, '-', end.lastOutput))
        yield outputEntryOf(entry);
  }

  /** The newest results in an output stream, newest first. */
  newestResults(most: number): AsyncGenerator<StreamEntry> {
    return this.#pages.entries('XREVRANGE', this.#keys.output, '+', '-', most);
  }

  /** The first results after one of an output stream. @param after '' for all */
  resultsAfter(after: string, most: number): AsyncGenerator<StreamEntry> {
    return this.#pages.entries('XRANGE', this.#keys.output, after === '' ? '-' : `(${after}`, '+', most);
  }

  /** The newest elements of an output list, oldest first. */
  async lastElements(most: number): Promise<Buffer[]> {
    return (await this.#connection.callBuffer('LRANGE', this.#keys.output, -most, -1)) as Buffer[];
  }

  /** Those that are held come first, and again at the end, as runs are taken apart. */
  async *inbox(): AsyncGenerator<StreamEntry> {
    yield* this.#pages.held();
    yield* this.#inPacks();
    yield* this.#inInbox();
    yield* this.#pages.held();
  }

  waiting(most: number): WaitingMessages {
    return { runs: [this.#inPacks(most), this.#inInbox(most)], held: this.#pages.held() };
  }

  async *#inPacks(most?: number): AsyncGenerator<StreamEntry> {
    for await (const { id, fields } of this.#pages.entries('XRANGE', this.#keys.packs, '-', '+', most)) {
      const { pack = Buffer.alloc(0) } = fields;
      const ends = isPackId(id) ? endsOfTexts(pack, 0, pack.length, countIn(id)) : undefined;
      let from = HEAD;
      for (const [i, end] of (ends ?? []).entries()) {
        yield { id: identityIn(id, i + 1), fields: { message: pack.subarray(from, end) } };
        from = end + HEAD;
      }
    }
  }

  async *#inInbox(most?: number): AsyncGenerator<StreamEntry> {
    for await (const { id, fields } of this.#pages.entries('XRANGE', this.#keys.inbox, '-', '+', most)) {
      const identity = String(fields.id);
      yield { id: isEntryId(identity) ? identity : id, fields };
    }
  }

  parked(): ReturnType<Pages['parked']> {
    return this.#pages.parked();
  }

  async keyTotals(kind: OrderTotals['kind']): Promise<KeyTotals> {
    if (kind !== 'key') return { busy: null, hottest: [], stuck: null };
    return this.#connection.run(hottest, this.#keys, { group: this.#group, ...HOTTEST });
  }

  deadLetters(last = '+'): AsyncGenerator<StreamEntry> {
    return this.#pages.entries('XRANGE', this.#keys.dead, '-', last);
  }

  newestDeadLetters(most: number): AsyncGenerator<StreamEntry> {
    return this.#pages.entries('XREVRANGE', this.#keys.dead, '+', '-', most);
  }

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

  async deadLetter(id: string): Promise<StreamEntry | undefined> {
    if (!isEntryId(id)) return undefined;
    const reply = await this.#connection.callBuffer('XRANGE', this.#keys.dead, id, id);
    return (reply as EntryReply[]).map(entryOf)[0];
  }

  async located(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return new Map(ids.filter(isEntryId).map((id) => [id, id]));
  }

  async revive(ids: readonly string[], onProgress?: (found: number) => void): Promise<string[]> {
    const found: string[] = [];
    const hashes = hashesOf(this.#keys);
    for (let first = 0; first < ids.length; ) {
      const page = { group: this.#group, ids: ids.slice(first, first + LETTERS), hashes };
      const { done, revived } = await this.#connection.run(revive, this.#keys, page);
      found.push(...revived);
      first += done;
      onProgress?.(found.length);
    }
    return found;
  }

  async purge(last: string): Promise<number> {
    const id = new NewestDeadLetters(last).idIn(undefined);
    return id === '' ? 0 : this.#connection.run(purge, this.#keys, { last: id });
  }

  async purgeThese(ids: readonly string[]): Promise<string[]> {
    const found: string[] = [];
    for (let first = 0; first < ids.length; first += LETTERS) {
      const page = { ids: ids.slice(first, first + LETTERS) };
      found.push(...(await this.#connection.run(purgeThese, this.#keys, page)));
    }
    return found;
  }
}

/** What the fields `channel`, `source`, `listFrom` and `sharded` name; an older version wrote the first only. */
export function sourceIn([name, kind, from, sharded]: readonly (string | null)[]): Source | undefined {
  if (!name) return undefined;
  if (kind === 'list') return { kind, name, from: from === 'right' ? 'right' : 'left' };
  if (kind === 'stream') return { kind, name };
  return sharded === '1' ? { kind: 'channel', name, sharded: true } : { kind: 'channel', name };
}

/** The time in a field of a gap; undefined if the group cannot have written it. */
function timeIn(value: Buffer | undefined): number | undefined {
  const time = integerOf(String(value));
  return time !== undefined && time <= LATEST_TIME ? time : undefined;
}
