import { hashTagOf } from '../core/hash-tag.js';
import type { OutputKind } from '../core/output.js';
import { parseRedisUrl } from '../core/redis-address.js';

/** The names that a user gives; all keys follow from them. */
export interface Names {
  /** The URL of Redis: it names the database. */
  readonly redis: string;
  readonly output: string;
  readonly consumerList: string;
  /** The channel, which counts if it is a sharded one. */
  readonly channel?: string | undefined;
  readonly sharded?: boolean | undefined;
  /** Into how many lanes the output is divided; one if it is not given. */
  readonly lanes?: number | undefined;
}

/**
 * The whole layout of a group in Redis. The braces hold the name of the output (or of the consumer list), whose own key falls
 * in the same hash slot. All keys of a script share a slot: on a Cluster the two may be at two nodes.
 */
export interface Keys {
  /** stream, or list: the results */
  readonly output: string;
  /** prefix of the name that the output has during a transaction: `open:PROCESS:NUMBER`, each used once */
  readonly open: string;
  /** stream, with the consumer group: the relayed and not yet settled messages, nothing else */
  readonly inbox: string;
  /**
   * stream, with the same consumer group: relayed messages, many in an entry. A stream of its own, because a process of an
   * older version would take a pack for a foreign entry.
   */
  readonly packs: string;
  /**
   * hash: lease (holder, token, beat, mark), position (epoch, offset), secret of the marks, the server where bridges are subscribed
   * (home, since; of a lane, home_at: when it got to know that), seats (seat:ID -> its last mark, ms since 1970), with lanes the last gap
   * before the position (passed), and for how many lanes that is true (dealt), and the last gap that is recorded (told); and of the output: channel, Redis group, outputType,
   * order, orderKey, lanes
   */
  readonly bridge: string;
  /** channel: the cuts in the flow of messages */
  readonly marks: string;
  /**
   * zset: entries waiting for their next attempt. Score: when they are due (ms since 1970); below
   * {@link RETURNED_BELOW} it is the number of attempts made by an entry that was handed back and is due at once.
   */
  readonly retry: string;
  /** zset, by place: results that wait for earlier ones (order total) */
  readonly parked: string;
  /** hash: key of messages -> the entry or pack of it that is in work (order key) */
  readonly busy: string;
  /** zset, by key and number: messages that wait behind another one of their key (order key) */
  readonly held: string;
  /** zset, by place: dead letters that stop an order (onDead halt) */
  readonly halted: string;
  /** prefix of the hashes of the record in Redis: see {@link hashesOf} */
  readonly record: string;
  /** stream: dead letters */
  readonly dead: string;
  /**
   * stream: a preview of each dead letter, under the same id: its fields, long texts cut, and `bytes` of the whole message.
   * Redis copies an entry as a whole, so a list of dead letters would copy all that they hold.
   */
  readonly previews: string;
  /** hash: the counts that a group keeps for ever (see Counters) */
  readonly counters: string;
  /** hash: consumer id -> messages that it has processed */
  readonly processed: string;
  /** stream: when messages may have been missed (from, to, reason, dropped, bridge) */
  readonly gaps: string;
  /** hash: what is wanted of the group (size, paused, autoscale, drained, revision) */
  readonly control: string;
  /** stream: the last 100 changes of the control (revision, who, why, what, and the state after it as JSON) */
  readonly events: string;
  /** stream: the last 100 processes that ended without leaving (process, host) */
  readonly ended: string;
  /** list: the ids of the live consumers */
  readonly consumerList: string;
  /** zset: consumer id -> last heartbeat (ms since 1970, by the clock of Redis) */
  readonly heartbeats: string;
  /** hash: consumer id -> JSON of host and pid */
  readonly members: string;
  /** hash: process id -> JSON of its last beat, its share, and what it says of itself */
  readonly processes: string;
}

/** Scores in the retry zset below this are counts of attempts, not times: nothing was due before 1970-01-01T00:16. */
export const RETURNED_BELOW = 1_000_000;

/** The keys that all lanes share: who leads, marks, control, consumers. With one lane they are all keys of the group. */
export function keysOf({ redis, output, consumerList, channel = '', sharded = false }: Names): Keys {
  const group = `cgroup:{${output}}`;
  const registry = `cgroup:{${consumerList}}`;
  const database = parseRedisUrl(redis).db;
  return {
    ...roadOf(output, group),
    // Keys belong to a database, but all databases share the channels. One SSUBSCRIBE has channels of one slot.
    marks: `${sharded ? `cgroup:{${hashTagOf(channel)}}:marks:${output}` : `${group}:marks`}${database === 0 ? '' : `:${database}`}`,
    control: `${group}:control`,
    events: `${group}:events`,
    ended: `${group}:ended`,
    consumerList,
    heartbeats: `${registry}:heartbeats`,
    members: `${registry}:members`,
    processes: `${registry}:processes`,
  };
}

/** The keys of the road of messages, from the inbox to the output: each lane has a road of its own. */
type Road = Omit<
  Keys,
  'marks' | 'control' | 'events' | 'ended' | 'consumerList' | 'heartbeats' | 'members' | 'processes'
>;

function roadOf(output: string, group: string): Road {
  return {
    output,
    open: `${group}:open`,
    inbox: `${group}:inbox`,
    packs: `${group}:packs`,
    bridge: `${group}:bridge`,
    retry: `${group}:retry`,
    parked: `${group}:parked`,
    busy: `${group}:busy`,
    held: `${group}:held`,
    halted: `${group}:halted`,
    record: `${group}:record`,
    dead: `${group}:dead`,
    previews: `${group}:previews`,
    counters: `${group}:counters`,
    processed: `${group}:processed`,
    gaps: `${group}:gaps`,
  };
}

/**
 * The keys of a lane. The number of the lane stands in braces in the names of its road, which lies in the slot of that number,
 * and so at another node of a Cluster than that of other lanes. What all lanes share keeps its names: marks, control, events,
 * ended processes, and the registry of the consumers. So does what keys `bridge`, `gaps` and `counters` of {@link keysOf} hold for the whole group:
 * who leads and the position; gaps; foreign marks and counts of gaps. A lane has its own of these names: `bridge` holds who may
 * write to it, and how far it is written.
 *
 * @param lane its number, from 0
 */
export function laneKeys(names: Names, lane: number): Keys {
  const output = `${names.output}:{${lane}}`;
  return { ...keysOf(names), ...roadOf(output, `cgroup:${output}`) };
}

/** The keys of each lane; with one lane, those of the group. */
export function lanesOf(names: Names): readonly Keys[] {
  const { lanes = 1 } = names;
  if (lanes === 1) return [keysOf(names)];
  return Array.from({ length: lanes }, (_, lane) => laneKeys(names, lane));
}

/** The keys in the slot of the list of consumers; all others are in that of the output. */
export function registryKeysOf({ consumerList, heartbeats, members, processes }: Keys): string[] {
  return [consumerList, heartbeats, members, processes];
}

/** What stands before the message id in the key of each hash of the record in Redis. */
export function hashesOf({ record }: Keys): string {
  return `${record}:`;
}

/** The type of each key, as Redis calls it. `marks` is a channel and has none. */
export function typesOf(
  keys: Keys,
  outputType: OutputKind['outputType'],
): Record<string, 'stream' | 'hash' | 'zset' | 'list'> {
  return {
    [keys.output]: outputType,
    [keys.inbox]: 'stream',
    [keys.packs]: 'stream',
    [keys.dead]: 'stream',
    [keys.previews]: 'stream',
    [keys.gaps]: 'stream',
    [keys.bridge]: 'hash',
    [keys.counters]: 'hash',
    [keys.processed]: 'hash',
    [keys.control]: 'hash',
    [keys.processes]: 'hash',
    [keys.events]: 'stream',
    [keys.ended]: 'stream',
    [keys.members]: 'hash',
    [keys.retry]: 'zset',
    [keys.parked]: 'zset',
    [keys.busy]: 'hash',
    [keys.held]: 'zset',
    [keys.halted]: 'zset',
    [keys.heartbeats]: 'zset',
    [keys.consumerList]: 'list',
  };
}
