import { timeOfId } from '../stream-id.js';
import type { Connection } from './connection.js';
import { type Keys, RETURNED_BELOW } from './keys.js';

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
  /** Dead letters, those that were purged included, those that were revived not. */
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

/** One reading of a group, all of it true at one moment. */
export interface Reading {
  /** Redis's clock, ms since 1970. */
  readonly now: number;
  /** Entries in the inbox: relayed and not settled. */
  readonly backlog: number;
  readonly waiting: number;
  readonly pending: number;
  readonly retrying: number;
  /** ms since the oldest unsettled message was relayed; 0 where there is none. */
  readonly lag: number;
  readonly pendingOf: ReadonlyMap<string, number>;
  readonly processedBy: ReadonlyMap<string, number>;
  readonly counters: Counters;
  /** The id of the leading bridge. */
  readonly leader: string | undefined;
  /** The ids of the subscribed bridges. */
  readonly bridges: readonly string[];
  /** Entries in the output. */
  readonly outputLength: number;
  /** Dead letters that are kept. */
  readonly deadLength: number;
  /** The newest entry of the output, and of the dead letters, at that moment; '' for none. */
  readonly lastOutput: string;
  readonly lastDead: string;
}

export interface LiveConsumer {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
}

/** A time during which messages may have been missed. */
export interface GapRecord {
  /** ms since 1970, Redis's clock */
  readonly from: number;
  readonly to: number;
  readonly reason: string;
}

export interface StreamEntry {
  readonly id: string;
  readonly fields: Readonly<Record<string, Buffer>>;
}

const PAGE = 1_000;
/** ms without a mark, of which there are ten a second, after which a bridge is not shown as subscribed. */
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
    const count = mapOf(reply[6]);
    const state = mapOf(reply[7]);
    return {
      now,
      backlog,
      waiting: Math.max(0, backlog - claimed),
      pending: Math.max(0, claimed - retrying),
      retrying,
      lag: oldest ? Math.max(0, now - timeOfId(oldest)) : 0,
      pendingOf: new Map(pendingOf.map(([id, pending]) => [id, Number(pending)])),
      processedBy: new Map([...mapOf(reply[8])].map(([id, n]) => [id, Number(n)])),
      counters: {
        relayed: Number(count.get('relayed') ?? 0),
        processed: Number(count.get('processed') ?? 0),
        failed: Number(count.get('failed') ?? 0),
        retried: Number(count.get('retried') ?? 0),
        dead: Number(count.get('dead') ?? 0),
        gaps: Number(count.get('gaps') ?? 0),
        dropped: Number(count.get('dropped') ?? 0),
        lost: Number(count.get('lost') ?? 0),
        trimmed: Number(count.get('trimmed') ?? 0),
        purged: Number(count.get('purged') ?? 0),
        revived: Number(count.get('revived') ?? 0),
      },
      // A bridge leads under its own name and the number of its subscription.
      leader: state.get('holder')?.replace(/#\d+$/, '') || undefined,
      // The seat of a bridge that was killed stays until another one wants it.
      bridges: [...state]
        .filter(([key, at]) => key.startsWith('seat:') && now - Number(at) < SEAT_SILENT)
        .map(([key]) => key.slice('seat:'.length)),
      outputLength: reply[9],
      deadLength: reply[10],
      lastOutput: reply[11],
      lastDead: reply[12],
    };
  }

  /** The live consumers of all processes, as listed. */
  async liveConsumers(): Promise<LiveConsumer[]> {
    const { consumerList, members } = this.#keys;
    const [ids, facts] = (await Promise.all([
      this.#connection.call('LRANGE', consumerList, 0, -1),
      this.#connection.call('HGETALL', members),
    ])) as [string[], string[]];
    const known = mapOf(facts);
    return ids.map((id) => {
      const { host = '', pid = 0 } = JSON.parse(known.get(id) ?? '{}') as { host?: string; pid?: number };
      return { id, host, pid };
    });
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

  /** Deletes all dead letters; returns how many. See `purge.lua`. */
  async purge(): Promise<number> {
    return (await this.#connection.run('purge', [this.#keys.dead, this.#keys.counters], [])) as number;
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
