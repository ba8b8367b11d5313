import { bridgeOf } from '../core/bridge-store.js';
import { timeOfId } from '../core/stream-id.js';

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
   * Messages settled as dead letters, purged ones included. A message that is revived is unsettled again: then
   * this goes down, so that relayed = processed + dead + backlog. `dead + revived` never does.
   */
  readonly dead: number;
  /** Times during which messages may have been missed. */
  readonly gaps: number;
  /** Messages that were never relayed, because a bridge's buffer was full (`bufferLimit`); each in a gap. */
  readonly dropped: number;
  /** Entries that another client deleted from the inbox while they were pending. */
  readonly lost: number;
  /** Results trimmed from the output (`outputMaxLen`). */
  readonly trimmed: number;
  /** Dead letters deleted by `dead purge`. */
  readonly purged: number;
  /** Dead letters sent back by `dead retry`. */
  readonly revived: number;
}

/** The sums of a group, all of them true at one moment. */
export interface Sums {
  /** The clock of Redis, ms since 1970. */
  readonly now: number;
  /** Entries in the inbox: relayed and not settled. */
  readonly backlog: number;
  readonly waiting: number;
  readonly pending: number;
  readonly retrying: number;
  /** ms since the oldest unsettled message was relayed; 0 if there is none. */
  readonly lag: number;
  readonly counters: Counters;
  /** The id of the leading bridge; none if it has not beat for 2 s. */
  readonly leader: string | undefined;
  /** The ids of the subscribed bridges. */
  readonly bridges: readonly string[];
  /** Dead letters that are kept. */
  readonly deadLength: number;
}

/** One reading of a group, all of it true at one moment. */
export interface Reading extends Sums {
  readonly pendingOf: ReadonlyMap<string, number>;
  readonly processedBy: ReadonlyMap<string, number>;
  /** Entries in the output. */
  readonly outputLength: number;
  /** The newest entry of the output, and of the dead letters, at that moment; '' for none. */
  readonly lastOutput: string;
  readonly lastDead: string;
}

/** What `totals.lua` replies. */
type SumsReply = [
  now: number,
  backlog: number,
  oldest: string,
  pendingAndRetrying: number,
  retrying: number,
  counters: string[],
  bridge: string[],
  deadLength: number,
];

/** What `snapshot.lua` replies. */
type SnapshotReply = [
  sums: SumsReply,
  pendingOf: [id: string, pending: string][],
  processedBy: string[],
  outputLength: number,
  lastOutput: string,
  lastDead: string,
];

/** ms without a mark, when there are ten per second, after which a bridge is not shown as subscribed, or as leading. */
const SEAT_SILENT = 2_000;

export function sumsOf(reply: SumsReply): Sums {
  const [now, backlog, oldest, pendingAndRetrying, retrying, counters, bridge, deadLength] = reply;
  return {
    now,
    backlog,
    waiting: Math.max(0, backlog - pendingAndRetrying),
    pending: Math.max(0, pendingAndRetrying - retrying),
    retrying,
    lag: oldest ? Math.max(0, now - timeOfId(oldest)) : 0,
    counters: countersOf(counters),
    ...bridgesIn(bridge, now),
    deadLength,
  };
}

export function readingOf(reply: SnapshotReply): Reading {
  const [sums, pendingOf, processedBy, outputLength, lastOutput, lastDead] = reply;
  return {
    ...sumsOf(sums),
    pendingOf: numbersOf(pendingOf),
    processedBy: numbersOf(mapOf(processedBy)),
    outputLength,
    lastOutput,
    lastDead,
  };
}

/** A hash as Redis replies it: names and values in turn. */
export function mapOf(flat: readonly string[]): Map<string, string> {
  const map = new Map<string, string>();
  for (let i = 0; i + 1 < flat.length; i += 2) map.set(String(flat[i]), String(flat[i + 1]));
  return map;
}

function numbersOf(pairs: Iterable<readonly [string, string]>): Map<string, number> {
  return new Map([...pairs].map(([name, number]) => [name, Number(number)]));
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

/** The live bridges: lease and seat of a killed one stay in the hash until another bridge takes them. */
function bridgesIn(flat: readonly string[], now: number): Pick<Sums, 'leader' | 'bridges'> {
  const state = mapOf(flat);
  const isAlive = (at: string | undefined) => at !== undefined && now - Number(at) < SEAT_SILENT;
  return {
    leader: isAlive(state.get('beat_at')) ? bridgeOf(state.get('holder') ?? '') || undefined : undefined,
    bridges: [...state]
      .filter(([key, at]) => key.startsWith('seat:') && isAlive(at))
      .map(([key]) => key.slice('seat:'.length)),
  };
}

/** An entry of the output, the dead letters, the gaps or the inbox. */
export interface StreamEntry {
  readonly id: string;
  readonly fields: Readonly<Record<string, Buffer>>;
}

/** A dead letter whose long texts are cut. */
export interface CutDeadLetter extends StreamEntry {
  /** Bytes of the whole message. */
  readonly messageBytes: number;
}

/** An entry as Redis replies it: names and values of its fields in turn. */
export type EntryReply = [id: Buffer, fields: Buffer[]];

export function entryOf([id, flat]: EntryReply): StreamEntry {
  const fields: Record<string, Buffer> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) fields[String(flat[i])] = flat[i + 1] as Buffer;
  return { id: id.toString('latin1'), fields };
}
