import { bridgeOf } from '../core/bridge-store.js';
import { timeOfId } from '../core/stream-id.js';
import { type Keys, RETURNED_BELOW } from './keys.js';
import type { Connection } from './protocol/connection.js';
import { consumersFor, type LiveConsumer } from './registry.js';

/** The counts that a group keeps for ever, by name. */
export interface Counters {
  /** Messages written to the inbox. */
  readonly relayed: number;
  /** Messages with a result in the output. */
  readonly processed: number;
  /** Failed attempts. */
  readonly failed: number;
  /** Attempts after the first. */
  readonly retried: number;
  /**
   * Messages settled as dead letters, those that were purged included. One that is revived is unsettled again: then
   * this goes down, so that relayed = processed + dead + backlog. `dead + revived` never does.
   */
  readonly dead: number;
  /** Times during which messages may have been missed. */
  readonly gaps: number;
  /** Messages that were never relayed, because a bridge's buffer was full (`bufferLimit`); each in a gap. */
  readonly dropped: number;
  /** Entries deleted from the inbox by somebody else while they were pending. */
  readonly lost: number;
  /** Results trimmed from the output (`outputMaxLen`). */
  readonly trimmed: number;
  /** Dead letters deleted by `dead purge`. */
  readonly purged: number;
  /** Dead letters sent back by `dead retry`. */
  readonly revived: number;
}

/** The sums of a group, all of them true at one moment. */
export interface Totals {
  /** Redis's clock, ms since 1970. */
  readonly now: number;
  /** Entries in the inbox: relayed and not settled. */
  readonly backlog: number;
  readonly waiting: number;
  readonly pending: number;
  readonly retrying: number;
  /** ms since the oldest unsettled message was relayed; 0 where there is none. */
  readonly lag: number;
  readonly counters: Counters;
  /** The id of the leading bridge; none if it has not said so for 2 s. */
  readonly leader: string | undefined;
  /** The ids of the subscribed bridges. */
  readonly bridges: readonly string[];
  /** Dead letters that are kept. */
  readonly deadLength: number;
}

/** One reading of a group, all of it true at one moment. */
export interface Reading extends Totals {
  readonly pendingOf: ReadonlyMap<string, number>;
  readonly processedBy: ReadonlyMap<string, number>;
  /** Entries in the output. */
  readonly outputLength: number;
  /** The newest entry of the output, and of the dead letters, at that moment; '' for none. */
  readonly lastOutput: string;
  readonly lastDead: string;
}

/** What the keys of a group say it reads, and with which Redis group. */
export interface Owner {
  /** Undefined where no process ever had a bridge. */
  readonly channel: string | undefined;
  readonly group: string;
}

/** A time during which messages may have been missed. */
export interface GapRecord {
  /** ms since 1970, Redis's clock */
  readonly from: number;
  readonly to: number;
  readonly reason: string;
}

/** A dead letter whose long texts are cut. */
export interface CutLetter extends StreamEntry {
  /** Bytes of the whole message. */
  readonly messageBytes: number;
}

export interface StreamEntry {
  readonly id: string;
  readonly fields: Readonly<Record<string, Buffer>>;
}

const PAGE = 1_000;
/** ms without a mark, of which there are ten a second, after which a bridge is not shown as subscribed, or as leading. */
const SEAT_SILENT = 2_000;

/** Reads a group from outside, and acts on its dead letters. */
export class Inspector {
  readonly #connection: Connection;
  readonly #keys: Keys;
  readonly #group: string;

  constructor(connection: Connection, keys: Keys, group: string) {
    this.#connection = connection;
    this.#keys = keys;
    this.#group = group;
  }

  /** All numbers at one moment. See `snapshot.lua`. */
  async read(): Promise<Reading> {
    const { inbox, output, dead, retry, counters, bridge, processed } = this.#keys;
    const keys = [inbox, output, dead, retry, counters, bridge, processed];
    const reply = (await this.#connection.run('snapshot', keys, [this.#group, RETURNED_BELOW])) as [
      now: number,
      backlog: number,
      oldest: string,
      pendingAndRetrying: number,
      pendingOf: [string, string][],
      retrying: number,
      counters: string[],
      bridge: string[],
      processed: string[],
      outputLength: number,
      deadLength: number,
      lastOutput: string,
      lastDead: string,
    ];
    const [now, backlog, oldest, claimed, pendingOf, retrying] = reply;
    return {
      now,
      ...backlogOf(now, backlog, oldest, claimed, retrying),
      pendingOf: new Map(pendingOf.map(([id, pending]) => [id, Number(pending)])),
      processedBy: new Map([...mapOf(reply[8])].map(([id, n]) => [id, Number(n)])),
      counters: countersOf(reply[6]),
      ...bridgesOf(reply[7], now),
      outputLength: reply[9],
      deadLength: reply[10],
      lastOutput: reply[11],
      lastDead: reply[12],
    };
  }

  /** The sums alone, at a cost that depends on nothing. See `totals.lua`. */
  async totals(): Promise<Totals> {
    const { inbox, dead, retry, counters, bridge } = this.#keys;
    const keys = [inbox, dead, retry, counters, bridge];
    const reply = (await this.#connection.run('totals', keys, [this.#group, RETURNED_BELOW])) as [
      now: number,
      backlog: number,
      oldest: string,
      pendingAndRetrying: number,
      retrying: number,
      counters: string[],
      bridge: string[],
      deadLength: number,
    ];
    const [now, backlog, oldest, claimed, retrying, counts, state, deadLength] = reply;
    return {
      now,
      ...backlogOf(now, backlog, oldest, claimed, retrying),
      counters: countersOf(counts),
      ...bridgesOf(state, now),
      deadLength,
    };
  }

  /** How many consumers of this output are alive, of all processes. */
  async liveConsumerCount(): Promise<number> {
    return (await this.liveConsumers()).length;
  }

  /** The live consumers of this output, of all processes, in the order of the list. */
  async liveConsumers(): Promise<LiveConsumer[]> {
    const { consumerList, members } = this.#keys;
    const [ids, facts] = (await Promise.all([
      this.#connection.call('LRANGE', consumerList, 0, -1),
      this.#connection.call('HGETALL', members),
    ])) as [string[], string[]];
    return consumersFor(this.#keys.output, ids, mapOf(facts));
  }

  /** What the group really reads; null where none ever ran. */
  async owner(): Promise<Owner | null> {
    const found = await this.#connection.call('HMGET', this.#keys.bridge, 'channel', 'group');
    const [channel, group] = found as (string | null)[];
    return group ? { channel: channel ?? undefined, group } : null;
  }

  /** When messages may have been missed, oldest first; the last 1,000 or so. */
  async gaps(): Promise<GapRecord[]> {
    const gaps: GapRecord[] = [];
    for await (const { fields } of this.#entries(this.#keys.gaps))
      gaps.push({
        from: Number(fields.from),
        to: Number(fields.to),
        reason: String(fields.reason),
      });
    return gaps;
  }

  /** The output up to an entry, in order. */
  output(last: string): AsyncGenerator<StreamEntry> {
    return this.#entries(this.#keys.output, last);
  }

  /** The dead letters, oldest first. */
  deadLetters(last = '+'): AsyncGenerator<StreamEntry> {
    return this.#entries(this.#keys.dead, last);
  }

  /** The newest dead letters, newest first. */
  async *newestDeadLetters(most: number): AsyncGenerator<StreamEntry> {
    let from = '+';
    for (let left = most; left > 0; left -= PAGE) {
      const page = await this.#page('XREVRANGE', this.#keys.dead, [from, '-'], Math.min(left, PAGE));
      yield* page;
      const end = page.at(-1);
      if (!end || page.length < PAGE) return;
      from = `(${end.id}`;
    }
  }

  /**
   * A page of dead letters, newest first, without the rest of long texts. See `letters.lua`.
   *
   * @param before the id before which they lie; undefined for the newest
   * @param longest bytes of each field
   */
  async deadLettersBefore(before: string | undefined, count: number, longest: number): Promise<CutLetter[]> {
    const from = before === undefined ? '+' : `(${before}`;
    const reply = (await this.#connection.runBuffer(
      'letters',
      [this.#keys.dead],
      [from, count, longest],
    )) as [Buffer, number, ...Buffer[]][];
    return reply.map(([id, messageBytes, ...flat]) => ({ ...entryOf([id, flat]), messageBytes }));
  }

  /** The unsettled messages, oldest first. */
  inbox(): AsyncGenerator<StreamEntry> {
    return this.#entries(this.#keys.inbox);
  }

  /** One dead letter, by its id in the dead-letter stream. */
  async deadLetter(id: string): Promise<StreamEntry | undefined> {
    const reply = await this.#connection.callBuffer('XRANGE', this.#keys.dead, id, id);
    return (reply as [Buffer, Buffer[]][]).map(entryOf)[0];
  }

  /** Sends dead letters back to the inbox. See `revive.lua`. Returns the ids that were found. */
  async revive(ids: readonly string[]): Promise<string[]> {
    const { dead, inbox, counters } = this.#keys;
    return (await this.#connection.run('revive', [dead, inbox, counters], ids)) as string[];
  }

  /** Deletes the dead letters up to one of them (`lastDead`; '' for none); returns how many. See `purge.lua`. */
  async purge(last: string): Promise<number> {
    if (last === '') return 0;
    const { dead, counters } = this.#keys;
    return (await this.#connection.run('purge', [dead, counters], [last])) as number;
  }

  async #page(
    command: 'XRANGE' | 'XREVRANGE',
    key: string,
    [from, to]: readonly [string, string],
    count: number,
  ): Promise<StreamEntry[]> {
    const reply = await this.#connection.callBuffer(command, key, from, to, 'COUNT', count);
    return (reply as [Buffer, Buffer[]][]).map(entryOf);
  }

  async *#entries(key: string, last = '+'): AsyncGenerator<StreamEntry> {
    if (last === '') return;
    let from = '-';
    for (;;) {
      const page = await this.#page('XRANGE', key, [from, last], PAGE);
      yield* page;
      const end = page.at(-1);
      if (!end || page.length < PAGE) return;
      from = `(${end.id}`;
    }
  }
}

function backlogOf(now: number, backlog: number, oldest: string, claimed: number, retrying: number) {
  return {
    backlog,
    waiting: Math.max(0, backlog - claimed),
    pending: Math.max(0, claimed - retrying),
    retrying,
    lag: oldest ? Math.max(0, now - timeOfId(oldest)) : 0,
  };
}

function countersOf(flat: readonly string[]): Counters {
  const counts = mapOf(flat);
  const count = (name: keyof Counters) => Number(counts.get(name) ?? 0);
  return {
    relayed: count('relayed'),
    processed: count('processed'),
    failed: count('failed'),
    retried: count('retried'),
    dead: count('dead'),
    gaps: count('gaps'),
    dropped: count('dropped'),
    lost: count('lost'),
    trimmed: count('trimmed'),
    purged: count('purged'),
    revived: count('revived'),
  };
}

/** Lease and seat of a bridge that was killed stay until another one wants them. */
function bridgesOf(flat: readonly string[], now: number) {
  const state = mapOf(flat);
  const speaks = (at: string | undefined) => at !== undefined && now - Number(at) < SEAT_SILENT;
  const holder = bridgeOf(state.get('holder') ?? '') || undefined;
  return {
    leader: speaks(state.get('beat_at')) ? holder : undefined,
    bridges: [...state]
      .filter(([key, at]) => key.startsWith('seat:') && speaks(at))
      .map(([key]) => key.slice('seat:'.length)),
  };
}

function entryOf([id, flat]: [Buffer, Buffer[]]): StreamEntry {
  const fields: Record<string, Buffer> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) fields[String(flat[i])] = flat[i + 1] as Buffer;
  return { id: id.toString('latin1'), fields };
}

function mapOf(flat: readonly string[]): Map<string, string> {
  const map = new Map<string, string>();
  for (let i = 0; i + 1 < flat.length; i += 2) map.set(String(flat[i]), String(flat[i + 1]));
  return map;
}
