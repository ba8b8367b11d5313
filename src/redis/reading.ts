import { bridgeOf } from '../core/bridge-store.js';
import type { OutputKind } from '../core/output.js';
import { timeOfId } from '../core/stream-id.js';
import { type ForeignValue, NumberReader } from './foreign.js';
import type { Keys } from './keys.js';

/** The counts that a group keeps for ever, by name. */
export interface Counters {
  /** Messages written to the inbox, or to packs. */
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
  /** Messages that another client deleted from the inbox, or from the packs, while they were pending. */
  readonly lost: number;
  /** Messages found pending with no consumer, because another program acknowledged them or removed their consumer. */
  readonly strays: number;
  /** Results trimmed from the output (`outputMaxLen`). */
  readonly trimmed: number;
  /** Dead letters deleted, by `dead purge` or by `deadMaxLen`. */
  readonly purged: number;
  /** Dead letters sent back by `dead retry`. */
  readonly revived: number;
  /** Texts on the marks channel that were no marks of the group: another client publishes there. */
  readonly foreignMarks: number;
  /** Members of the retry zset that were no ids of entries, and were removed. */
  readonly foreignRetries: number;
  /**
   * Members of `halted` that stopped the order for nothing, and were removed: another program wrote them, or deleted a message
   * while it was tried again.
   */
  readonly foreignHalts: number;
  /** Keys that were busy with an entry that another client deleted, and went on; with order `key`. */
  readonly freed: number;
  /** Members of held that no group wrote, and were removed. */
  readonly foreignHeld: number;
  /** Members of the parked zset that were no results, and were removed. */
  readonly foreignParked: number;
}

/** What the order of a group waits for. */
export interface OrderTotals {
  readonly kind: 'none' | 'total' | 'key';
  /** The message that results wait for, as of the last heartbeat; null if none waits, and without total order. */
  readonly head: {
    readonly inboxId: string;
    /** ms for which the order has waited for it. */
    readonly ageMs: number;
  } | null;
  /** Results that wait for earlier ones. */
  readonly parked: number;
  /** Most results that wait: then nothing new is begun. null without total order. */
  readonly window: number | null;
}

/** The messages that wait for their next attempt. */
export interface RetryTotals {
  /** ms since the oldest of them was relayed; 0 if there is none. */
  readonly ageMs: number;
  /** ms until the next attempt is due; negative if no consumer takes it up; null if there is none. */
  readonly dueMs: number | null;
}

/** The totals of a whole group, all processes together, true at one moment. */
export interface GroupTotals {
  /** When the group was read: ISO 8601, Redis's clock. */
  readonly time: string;
  /** The id of the leading bridge; null if none has beat for 2 s. */
  readonly leader: string | null;
  /** The subscribed bridges. */
  readonly bridges: readonly { readonly id: string; readonly leads: boolean }[];
  /** Relayed and not yet read by a consumer. */
  readonly waiting: number;
  /** Held by consumers. */
  readonly pending: number;
  /** Failed and waiting for their next attempt. */
  readonly retrying: number;
  /** Waiting behind another message of their key; with order `key`. */
  readonly held: number;
  /** Relayed and not settled: waiting + pending + retrying + held. */
  readonly backlog: number;
  /** Processed, and waiting for earlier messages before they go out: with total order only. */
  readonly parked: number;
  readonly order: OrderTotals;
  /**
   * ms since the oldest message that waits or is in work was relayed, or went out of held; 0 if there is none. A message that waits for
   * its next attempt is none of them.
   */
  readonly lagMs: number;
  readonly retries: RetryTotals;
  readonly counters: Counters;
  /** Kept dead letters: neither purged nor sent back. */
  readonly deadLetters: number;
  /** Messages that stop an order (onDead halt), those that are tried again included. */
  readonly haltedCount: number;
  /** Values in the keys of the group that the group did not write. They are passed over: a number counts as 0. */
  readonly foreign: readonly ForeignValue[];
  /** The same of each lane; only if the group has several. */
  readonly lanes?: readonly LaneTotals[];
}

/** The totals of one lane of a group. */
export interface LaneTotals
  extends Pick<
      GroupTotals,
      'waiting' | 'pending' | 'retrying' | 'held' | 'backlog' | 'lagMs' | 'deadLetters'
    >,
    Pick<Counters, 'relayed' | 'processed' | 'failed' | 'retried' | 'dead'> {
  readonly output: string;
  /** The node that has the lane, as `host:port`; null without a connection. */
  readonly node: string | null;
}

/** A group in full, true at one moment. */
export interface Reading extends GroupTotals, Pick<OutputKind, 'outputType' | 'orderKey'> {
  readonly pendingOf: ReadonlyMap<string, number>;
  readonly processedBy: ReadonlyMap<string, number>;
  /** When the group got this order: ms since 1970; 0 if it is not known. */
  readonly orderSince: number;
  /** Entries in the output. */
  readonly outputLength: number;
  /** The newest dead letter at that moment; '' for none. */
  readonly lastDead: string;
}

/** A reading that says where the output ends. */
export interface ReadingWithEnd extends Reading {
  /** The newest entry of the output at that moment: its id, or its mark (see `results.lua`) if it is a list. '' for none. */
  readonly lastOutput: string;
}

/** What `totals.lua` replies. */
export type TotalsReply = [
  now: number,
  backlog: number,
  oldest: string,
  pendingAndRetrying: number,
  retrying: number,
  counters: string[],
  bridge: string[],
  deadLetters: number,
  held: number,
  halted: number,
  parked: number,
  oldestRetry: string,
  retryDue: string,
];

/** What `snapshot.lua` replies. */
export type SnapshotReply = [
  totals: TotalsReply,
  pendingOf: [id: string, pending: number][],
  processedBy: string[],
  outputLength: number,
  lastDead: string,
  lastOutput?: string,
];

/** ms without a mark, when there are ten per second, after which a bridge is not shown as subscribed, or as leading. */
const SEAT_SILENT = 2_000;

export function totalsOf(reply: TotalsReply, keys: Keys): GroupTotals {
  return totalsWith(reply, new NumberReader(keys));
}

function totalsWith(reply: TotalsReply, numbers: NumberReader): GroupTotals {
  const [now, backlog, oldest, pendingAndRetrying, retrying, counters, bridge] = reply;
  const [deadLetters, held, halted, parked] = reply.slice(7, 11) as [number, number, number, number];
  const [oldestRetry = '', retryDue = ''] = reply.slice(11).map(String);
  const counts = mapOf(counters);
  // The backlog has it already; a foreign text there counted as 0.
  numbers.number('counters', 'packed', counts.get('packed'));
  return {
    time: new Date(now).toISOString(),
    ...bridgesIn(mapOf(bridge), now, numbers),
    waiting: Math.max(0, backlog - pendingAndRetrying - held),
    pending: Math.max(0, pendingAndRetrying - retrying),
    retrying,
    held,
    backlog,
    parked,
    order: orderIn(mapOf(bridge), now, parked, numbers),
    lagMs: oldest ? Math.max(0, now - timeOfId(oldest)) : 0,
    retries: {
      ageMs: oldestRetry ? Math.max(0, now - timeOfId(oldestRetry)) : 0,
      dueMs: retryDue ? Math.round(Number(retryDue) - now) : null,
    },
    counters: countersOf(counts, numbers),
    deadLetters,
    haltedCount: halted,
    foreign: numbers.foreign,
  };
}

export function readingOf(reply: SnapshotReply, keys: Keys): ReadingWithEnd {
  const numbers = new NumberReader(keys);
  const [totals, pendingOf, processedBy, outputLength, lastDead, lastOutput = ''] = reply;
  return {
    ...totalsWith(totals, numbers),
    ...outputIn(mapOf(totals[6]), numbers),
    pendingOf: new Map(pendingOf),
    processedBy: new Map(
      [...mapOf(processedBy)].map(([id, count]) => [id, numbers.number('processed', id, count)]),
    ),
    outputLength,
    lastDead,
    lastOutput,
  };
}

/** What the hash of the bridge says of the output. Versions that do not say write a stream. */
function outputIn(
  bridge: ReadonlyMap<string, string>,
  numbers: NumberReader,
): Pick<Reading, 'outputType' | 'orderKey' | 'orderSince'> {
  return {
    outputType: bridge.get('outputType') === 'list' ? 'list' : 'stream',
    orderKey: bridge.get('orderKey'),
    orderSince: numbers.number('bridge', 'orderSince', bridge.get('orderSince')),
  };
}

/** A hash as Redis replies it: names and values in turn. */
export function mapOf(flat: readonly string[]): Map<string, string> {
  const map = new Map<string, string>();
  for (let i = 0; i + 1 < flat.length; i += 2) map.set(String(flat[i]), String(flat[i + 1]));
  return map;
}

function countersOf(counts: ReadonlyMap<string, string>, numbers: NumberReader): Counters {
  const count = (name: keyof Counters) => numbers.number('counters', name, counts.get(name));
  return {
    relayed: count('relayed'),
    processed: count('processed'),
    failed: count('failed'),
    retried: count('retried'),
    dead: count('dead'),
    gaps: count('gaps'),
    dropped: count('dropped'),
    lost: count('lost'),
    strays: count('strays'),
    trimmed: count('trimmed'),
    purged: count('purged'),
    revived: count('revived'),
    foreignMarks: count('foreignMarks'),
    foreignRetries: count('foreignRetries'),
    foreignHalts: count('foreignHalts'),
    freed: count('freed'),
    foreignHeld: count('foreignHeld'),
    foreignParked: count('foreignParked'),
  };
}

function orderIn(
  state: ReadonlyMap<string, string>,
  now: number,
  parked: number,
  numbers: NumberReader,
): OrderTotals {
  const window = numbers.number('bridge', 'orderWindow', state.get('orderWindow'));
  const since = numbers.number('bridge', 'headSince', state.get('headSince'));
  const inboxId = state.get('head');
  const head = parked > 0 && inboxId ? { inboxId, ageMs: Math.max(0, now - since) } : null;
  const kind = state.get('order');
  const isTotal = kind === 'total';
  return {
    kind: isTotal ? 'total' : kind === 'key' ? 'key' : 'none',
    head: isTotal ? head : null,
    parked,
    window: isTotal ? window : null,
  };
}

/** Fields of the bridge hash that hold numbers, besides the seats. */
const BRIDGE_NUMBERS: readonly string[] = ['token', 'beat', 'mark', 'epoch', 'offset', 'heard_at', 'beat_at'];

/**
 * The live bridges: lease and seat of a killed one stay in the hash until another bridge takes them. A mark may be newer
 * than now if the clock was put back; one far in the future is a foreign value.
 */
function bridgesIn(
  state: ReadonlyMap<string, string>,
  now: number,
  numbers: NumberReader,
): Pick<GroupTotals, 'leader' | 'bridges'> {
  const times = new Map(
    [...state].flatMap(([field, text]) =>
      BRIDGE_NUMBERS.includes(field) || field.startsWith('seat:')
        ? [[field, numbers.number('bridge', field, text)]]
        : [],
    ),
  );
  const isAlive = (at = 0) => Math.abs(now - at) < SEAT_SILENT;
  const holder = isAlive(times.get('beat_at')) ? bridgeOf(state.get('holder') ?? '') : '';
  const leader = holder === '' ? null : holder;
  const seats = [...times].filter(([field, at]) => field.startsWith('seat:') && isAlive(at));
  const ids = seats.map(([field]) => field.slice('seat:'.length));
  return { leader, bridges: ids.map((id) => ({ id, leads: id === leader })) };
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
