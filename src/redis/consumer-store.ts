import type {
  AttemptsMade,
  Buried,
  ConsumerStore,
  DeadLetter,
  Due,
  Entry,
  Halt,
  Held,
  HeldPack,
  InboxReader,
  PackSettlement,
  ReadEntries,
  Reclaimed,
  ReclaimRequest,
  Renewed,
  Rescued,
  Result,
  Retry,
  Strays,
} from '../core/consumer-store.js';
import type { Payload } from '../core/message.js';
import type { OutputKind } from '../core/output.js';
import { countIn, MOST_IN_PACK } from '../core/pack.js';
import type { Source } from '../core/source.js';
import { compareIds } from '../core/stream-id.js';
import type { Keys } from './keys.js';
import type { OrderedCommits } from './ordered-commits.js';
import type { Connection } from './protocol/connection.js';
import { messageIn } from './protocol/entries.js';
import { refusedAs } from './protocol/failure.js';
import { type Unpacked, unpackedIn } from './protocol/unpacked.js';
import type { EntryReply } from './reading.js';
import {
  type Burying,
  begin,
  bury,
  type Claim,
  commit,
  due,
  leave,
  prepare,
  reclaim,
  renew,
  rescue,
  retry,
  settle,
  strays,
  sweep,
  unpackWaiting,
} from './scripts/consumer.js';
import type { WholePacks } from './whole-packs.js';

/** Entries of one call of a script that costs some µs for each: Redis does nothing else meanwhile. */
const PAGE = 1_000;
/** Packs of one call that takes them apart. */
const PACKS = 4;
/** Entries of a read that may wait: few come at a time then, and each may be a pack. */
const WHILE_WAITING = 16;

/** The output of a group without order. */
const ANY_ORDER: OutputKind = { outputType: 'stream', order: 'none' };

/** One script for each method; the head of its Lua says what is atomic. */
export class RedisConsumerStore implements ConsumerStore {
  readonly #connection: Connection;
  readonly #keys: Keys;
  readonly #group: string;
  readonly #source: Source | undefined;
  readonly #wholePacks: WholePacks | undefined;
  readonly #ordered: OrderedCommits | undefined;
  readonly #output: OutputKind & { readonly lanes: number | undefined };
  readonly #burying: Burying;

  /**
   * @param source what the group reads; undefined if the caller does not relay
   * @param settling how results are settled. `wholePacks` settles packs of which every message has a result; without it a
   *   script settles all. `ordered` commits results with an order, times, or into a list. `burying` says what a dead letter
   *   does to the order. `output`: what the output is, and in which order results leave; by default a stream, in any.
   *   `lanes`: how many the group has; undefined for one of several
   */
  constructor(
    connection: Connection,
    keys: Keys,
    group: string,
    source: Source | undefined,
    settling: {
      readonly wholePacks?: WholePacks;
      readonly ordered?: OrderedCommits;
      readonly burying?: Burying;
      readonly output?: OutputKind | undefined;
      readonly lanes?: number | undefined;
    } = {},
  ) {
    this.#connection = connection;
    this.#keys = keys;
    this.#group = group;
    this.#source = source;
    this.#wholePacks = settling.wholePacks;
    this.#ordered = settling.ordered;
    const { outputType, order, orderKey, record } = settling.output ?? ANY_ORDER;
    this.#output = { outputType, order, orderKey, record, lanes: settling.lanes };
    this.#burying = settling.burying ?? { order: 'none', halt: false };
  }

  prepare(): Promise<boolean> {
    const { consumerList } = this.#keys;
    const options = { group: this.#group, consumerList, source: this.#source, ...this.#output };
    return this.#connection.run(prepare, this.#keys, options);
  }

  commit(results: readonly Result[], maxLength: number): Promise<string[]> {
    if (this.#ordered) return this.#ordered.commit(results, maxLength);
    return this.#connection.run(commit, this.#keys, { group: this.#group, maxLength, results });
  }

  settlePacks(packs: readonly PackSettlement[], maxLength: number): Promise<string[]> {
    if (this.#ordered) return this.#ordered.settlePacks(packs, maxLength);
    const byScript = (some: readonly PackSettlement[]) =>
      this.#connection.run(settle, this.#keys, { group: this.#group, maxLength, packs: some });
    return this.#wholePacks?.settle(packs, maxLength, byScript) ?? byScript(packs);
  }

  rescue(silence: number): Promise<Rescued> {
    return this.#connection.run(rescue, this.#keys, { group: this.#group, silence });
  }

  async retry(retries: readonly Retry[]): Promise<void> {
    await this.#connection.run(retry, this.#keys, { group: this.#group, retries });
  }

  async bury(deadLetters: readonly DeadLetter[], maxLength: number): Promise<Buried> {
    const run = this.#ordered?.run ?? 1;
    const request = { group: this.#group, ...this.#burying, maxLength, deadLetters, run };
    const { kept, late, mayGoOut, halted, busy } = await this.#connection.run(bury, this.#keys, request);
    // They are dead letters, whatever comes of the rest: the next commit goes on with it.
    if (mayGoOut) await this.#ordered?.letOutSoon();
    if (busy.length > 0) await this.#ordered?.free(busy).catch(() => {});
    if (halted.size === 0) return { kept, late };
    const halts = deadLetters.flatMap(({ entryId, inboxId, key }): Halt[] => {
      const deadId = halted.get(entryId);
      return deadId === undefined ? [] : [{ deadId, inboxId, key }];
    });
    return { kept, late, halted: halts };
  }

  begin({ entryId, consumerId }: Held, attempt: number): Promise<boolean> {
    return this.#connection.run(begin, this.#keys, { group: this.#group, entryId, consumerId, attempt });
  }

  renew(consumerId: string, entryIds: readonly string[]): Promise<Renewed> {
    return this.#renew(consumerId, entryIds, false);
  }

  renewPacks(consumerId: string, ids: readonly string[]): Promise<Renewed> {
    return this.#renew(consumerId, ids, true);
  }

  async #renew(consumerId: string, all: readonly string[], packs: boolean): Promise<Renewed> {
    const { inbox, counters } = this.#keys;
    const keys = { inbox: packs ? this.#keys.packs : inbox, counters };
    const gone: string[] = [];
    let deleted = 0;
    for (let first = 0; first < all.length; first += PAGE) {
      const page = { consumerId, ids: all.slice(first, first + PAGE), packs };
      const found = await this.#connection.run(renew, keys, { group: this.#group, ...page });
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
    const entries = await Promise.all(claimed.map((claim) => this.#entryOf(claim)));
    return entries.filter((entry) => entry !== undefined);
  }

  async messageOf(entryId: string): Promise<Payload | undefined> {
    const fields = await this.#fieldsOf(entryId);
    return fields && messageIn(fields);
  }

  async #fieldsOf(id: string): Promise<EntryReply[1] | undefined> {
    const reply = await this.#connection.callBuffer('XRANGE', this.#keys.inbox, id, id);
    return (reply as EntryReply[])[0]?.[1];
  }

  /** Undefined if it was settled meanwhile. */
  async #entryOf(claim: Claim): Promise<Entry | undefined> {
    const { id } = claim;
    const fields = await this.#fieldsOf(id);
    if (!fields) return undefined;
    const message = messageIn(fields);
    const isUnpacked = fields.length > 2 && String(fields[0]) === 'message';
    return {
      id,
      message,
      ...(isUnpacked ? withUnpacked(claim, unpackedIn(fields)) : { attempts: claim.attempts }),
    };
  }

  unpack(keepRuns = false): Promise<Omit<Rescued, 'lost'>> {
    return this.#connection.run(unpackWaiting, this.#keys, { group: this.#group, keepRuns });
  }

  strays(from: string | undefined): Promise<Strays> {
    return this.#connection.run(strays, this.#keys, { group: this.#group, from });
  }

  async leave(consumerId: string, attempts: AttemptsMade, packs: readonly HeldPack[]): Promise<number> {
    const ofPacks = await this.#handBackPacks(consumerId, packs);
    return ofPacks + (await this.#handBackEntries(consumerId, attempts, false));
  }

  handBack(consumerId: string, attempts: AttemptsMade): Promise<number> {
    return this.#handBackEntries(consumerId, attempts, true);
  }

  async #handBackEntries(consumerId: string, attempts: AttemptsMade, stays: boolean): Promise<number> {
    const known = [...attempts].sort(([a], [b]) => compareIds(a, b));
    let left = 0;
    for (let from = '-'; from !== ''; ) {
      const after = from.slice(1);
      const ahead = after === '' ? known : known.filter(([id]) => compareIds(id, after) > 0);
      const some = ahead.slice(0, PAGE);
      const to = ahead.length > PAGE ? (some.at(-1)?.[0] ?? '+') : '+';
      const range = { from, to, count: PAGE };
      const page = { group: this.#group, consumerId, attempts: new Map(some), ...range, stays };
      try {
        const { handedBack, next } = await this.#connection.run(leave, this.#keys, page);
        left += handedBack;
        from = next;
      } catch (error) {
        if (refusedAs(error, 'NOGROUP')) return left; // nothing to hand back
        throw error;
      }
    }
    return left;
  }

  /** Hands back the packs that a consumer knows of. Resolves to how many messages. */
  async #handBackPacks(consumerId: string, packs: readonly HeldPack[]): Promise<number> {
    let sum = 0;
    for (let first = 0; first < packs.length; first += PACKS) {
      const some = packs.slice(first, first + PACKS).map(({ id, key, left }) => {
        const known = new Map(left.map((one) => [one.number, one]));
        const all = Array.from({ length: countIn(id) }, (_, i) => known.get(i + 1) ?? { number: i + 1 });
        return { id, key, consumerId, texts: [], left: all, begun: true };
      });
      const late = await this.settlePacks(some, 0);
      for (const { id, left } of some) if (!late.includes(id)) sum += left.length;
    }
    return sum;
  }

  sweep(live: readonly string[], silence: number): Promise<string[]> {
    return this.#connection.run(sweep, this.#keys, { group: this.#group, silence, live });
  }
}

/** Packs of any messages; of messages of one key, which may be short, so that a read asks for more of them; or none. */
export type PacksRead = 'large' | 'small' | 'none';

/** Reads with XREADGROUP (https://redis.io/docs/latest/commands/xreadgroup/). */
export class RedisInboxReader implements InboxReader {
  readonly #own: Connection;
  readonly #main: Connection;
  readonly #group: string;
  readonly #consumerId: string;
  readonly #keys: Keys;
  readonly #packsRead: PacksRead;

  /**
   * @param own the consumer's own connection: a read blocks it
   * @param main another connection of the process, which ends a read
   * @param packsRead which packs it may get
   */
  constructor(
    own: Connection,
    main: Connection,
    keys: Keys,
    group: string,
    consumerId: string,
    packsRead: PacksRead = 'large',
  ) {
    this.#own = own;
    this.#main = main;
    this.#group = group;
    this.#consumerId = consumerId;
    this.#keys = keys;
    this.#packsRead = packsRead;
  }

  async read(count: number, block: number | undefined): Promise<ReadEntries> {
    const { inbox, packs } = this.#keys;
    const group = ['GROUP', this.#group, this.#consumerId, 'COUNT'];
    const few = Math.min(count, WHILE_WAITING);
    const most =
      block === undefined
        ? {
            packs: this.#packsRead === 'small' ? few : Math.max(1, Math.ceil(count / MOST_IN_PACK)),
            entries: count,
          }
        : { packs: few, entries: few };
    const streams = this.#packsRead === 'none' ? [inbox] : [packs, inbox];
    const ends = streams.map(() => '>');
    const reads =
      block === undefined
        ? [
            ...(this.#packsRead !== 'none' ? [[...group, most.packs, 'STREAMS', packs, '>']] : []),
            [...group, most.entries, 'STREAMS', inbox, '>'],
          ]
        : [[...group, most.entries, 'BLOCK', block, 'STREAMS', ...streams, ...ends]];
    const { foreign, ...taken } = await this.#own.readEntries(packs, reads);
    const more = taken.packs.length + foreign === most.packs || taken.entries.length === most.entries;
    return { ...taken, more };
  }

  unblock(): Promise<void> {
    return this.#main.unblock(this.#own);
  }
}

/** An entry that came out of a pack: its attempts there count, too. */
function withUnpacked(
  { attempts, from }: Claim,
  { attempts: before, outcome, ...rest }: Unpacked,
): Omit<Entry, 'id' | 'message'> {
  // A read counts as an attempt, and a silent consumer may have recorded nothing.
  const unrecorded = { reclaimed: Math.max(before, 1), returned: before, failed: -1 }[from];
  if (outcome && attempts <= unrecorded) return { ...rest, attempts: before, outcome };
  return { ...rest, attempts: Math.max(attempts, outcome ? before + 1 : before) };
}
