import type { OutputKind } from '../core/output.js';
import { parseRedisUrl } from '../core/redis-address.js';
import { type Source, type SourceNames, sourceOf } from '../core/source.js';
import type { Keys } from './keys.js';
import type { Argument } from './protocol/script.js';

/** The names in the rights of a group. */
export interface RightsNames extends SourceNames {
  /** The URL of Redis: it names the database. */
  readonly redis: string;
  readonly group: string;
  /** What the output is; a stream if it is not given. */
  readonly outputType?: OutputKind['outputType'];
  readonly record?: string | undefined;
  readonly minReplicas?: number;
  /** Whether Redis is a Cluster. */
  readonly cluster?: boolean;
  /** Into how many lanes the output is divided; one if it is not given. */
  readonly lanes?: number | undefined;
}

type Example = (keys: Keys, names: RightsNames) => readonly Argument[];

/**
 * Every command that the program sends, alone or in a script, with arguments that Redis accepts; none of these
 * is ever carried out (see missing-rights). The ACL line holds these commands and no others; a test holds the list
 * against the sources.
 */
const COMMANDS: Readonly<Record<string, Example>> = {
  BLMOVE: (_keys, names) => [sourceOf(names).name, sourceOf(names).name, 'LEFT', 'LEFT', 1],
  'CLIENT|ID': () => [],
  'CLIENT|SETNAME': () => ['cgroup'],
  'CLIENT|UNBLOCK': () => [0],
  'CLUSTER|NODES': () => [],
  'CLUSTER|SLOTS': () => [],
  DEL: ({ consumerList }) => [consumerList],
  DISCARD: () => [],
  EVAL: () => ['return 0', 0],
  EVALSHA: () => ['0'.repeat(40), 0],
  EXEC: () => [],
  HDEL: ({ bridge }) => [bridge, 'seat:'],
  HGET: ({ bridge }) => [bridge, 'mark'],
  HGETALL: ({ members }) => [members],
  HINCRBY: ({ counters }) => [counters, 'relayed', 0],
  HLEN: ({ busy }) => [busy],
  HMGET: ({ bridge }) => [bridge, 'token'],
  HSCAN: ({ busy }) => [busy, 0],
  HSET: ({ processed }) => [processed, 'consumer', 0],
  HSETNX: ({ bridge }) => [bridge, 'heard_at', 0],
  INFO: () => [],
  LINDEX: (keys, names) => [listOf(keys, names), -1],
  LLEN: (keys, names) => [listOf(keys, names)],
  LPUSH: (_keys, names) => [sourceOf(names).name, ''],
  LRANGE: ({ consumerList }) => [consumerList, 0, -1],
  LTRIM: (keys, names) => [listOf(keys, names), 0, -1],
  MULTI: () => [],
  PEXPIRE: ({ heartbeats }) => [heartbeats, 1],
  PING: () => [],
  PUBLISH: ({ marks }) => [marks, ''],
  'PUBSUB|CHANNELS': () => ['cgroup:*'],
  'PUBSUB|NUMSUB': ({ marks }) => [marks],
  'PUBSUB|SHARDCHANNELS': () => ['cgroup:*'],
  'PUBSUB|SHARDNUMSUB': ({ marks }) => [marks],
  RENAMENX: ({ output, open }) => [output, open],
  RPUSH: ({ consumerList }) => [consumerList, 'id'],
  SELECT: (_keys, { redis }) => [parseRedisUrl(redis).db],
  SPUBLISH: ({ marks }) => [marks, ''],
  SSUBSCRIBE: (_keys, names) => [sourceOf(names).name],
  SUBSCRIBE: (_keys, names) => [sourceOf(names).name],
  SUNSUBSCRIBE: () => [],
  TIME: () => [],
  TYPE: ({ output }) => [output],
  UNSUBSCRIBE: () => [],
  WAIT: () => [0, 1],
  XACK: ({ inbox }, { group }) => [inbox, group, '0-1'],
  XADD: ({ output }) => [output, '*', 'field', 'value'],
  XCLAIM: ({ inbox }, { group }) => [inbox, group, 'consumer', 1, '0-1'],
  XDEL: ({ dead }) => [dead, '0-1'],
  'XGROUP|CREATE': ({ inbox }, { group }) => [inbox, group, 0],
  'XGROUP|DELCONSUMER': ({ inbox }, { group }) => [inbox, group, 'consumer'],
  'XINFO|CONSUMERS': ({ inbox }, { group }) => [inbox, group],
  'XINFO|GROUPS': ({ inbox }) => [inbox],
  'XINFO|STREAM': ({ inbox }) => [inbox],
  XLEN: ({ inbox }) => [inbox],
  XPENDING: ({ inbox }, { group }) => [inbox, group],
  XRANGE: ({ gaps }) => [gaps, '-', '+'],
  XREAD: ({ packs }) => ['STREAMS', packs, '$'],
  XREADGROUP: ({ inbox }, { group }) => ['GROUP', group, 'consumer', 'STREAMS', inbox, '>'],
  XREVRANGE: ({ output }) => [output, '+', '-'],
  XTRIM: ({ dead }) => [dead, 'MAXLEN', 0],
  ZADD: ({ retry }) => [retry, 0, 'id'],
  ZCARD: ({ retry }) => [retry],
  ZCOUNT: ({ retry }) => [retry, 0, 0],
  ZLEXCOUNT: ({ parked }) => [parked, '-', '+'],
  ZRANGE: ({ heartbeats }) => [heartbeats, 0, -1],
  ZRANGEBYLEX: ({ parked }) => [parked, '-', '+'],
  ZRANGEBYSCORE: ({ retry }) => [retry, 0, 0],
  ZREM: ({ retry }) => [retry, 'id'],
  ZREMRANGEBYLEX: ({ held }) => [held, '[', '['],
  ZSCORE: ({ retry }) => [retry, 'id'],
};

/** The commands, as ACLs name them: a subcommand after a bar. */
export const commandNames: readonly string[] = Object.keys(COMMANDS);

/** Arguments with which Redis accepts a command. */
export function exampleOf(name: string, keys: Keys, names: RightsNames): readonly Argument[] {
  return (COMMANDS[name] as Example)(keys, names);
}

/** The rules of an ACL user with all rights that the program needs, and no others. */
export function aclRules(keys: Keys, names: RightsNames): string[] {
  const patterns = [
    keys.output,
    keys.inbox.replace(/inbox$/, ''),
    keys.consumerList,
    keys.heartbeats.replace(/heartbeats$/, ''),
  ].map(literal);
  const [output, group, list, registry] = patterns;
  const name = literal(keys.output);
  const lanes = (names.lanes ?? 1) > 1 ? [`${name}:{*}`, `cgroup:${name}:{*}:*`] : [];
  const source = sourceOf(names);
  const pulled = source.kind === 'channel' ? [] : [literal(source.name)];
  return [
    'resetkeys',
    ...[output, `${group}*`, ...lanes, list, `${registry}*`, ...pulled].map((pattern) => `~${pattern}`),
    'resetchannels',
    ...channelsOf(source, keys).map((channel) => `&${literal(channel)}`),
    '-@all',
    ...neededCommands(names).map((command) => `+${command.toLowerCase()}`),
  ];
}

/** The list that a group takes messages from, or writes results to. */
function listOf({ output }: Keys, names: RightsNames): string {
  const source = sourceOf(names);
  return source.kind === 'list' ? source.name : output;
}

/** Commands of lists, whether messages come from one or results go to one. */
const OF_LISTS: readonly string[] = ['LINDEX', 'LLEN', 'LTRIM'];

/** Commands that only some sources need. */
const ONLY_FOR: Readonly<Record<string, Source['kind'] | 'sharded'>> = {
  BLMOVE: 'list',
  PUBLISH: 'channel',
  'PUBSUB|SHARDCHANNELS': 'sharded',
  'PUBSUB|SHARDNUMSUB': 'sharded',
  SPUBLISH: 'sharded',
  SSUBSCRIBE: 'sharded',
  SUBSCRIBE: 'channel',
  SUNSUBSCRIBE: 'sharded',
  UNSUBSCRIBE: 'channel',
};

/** The commands that a group sends, as ACLs name them. */
export function neededCommands(names: RightsNames): string[] {
  const source = sourceOf(names);
  // Redis before 7.0 has no sharded channels, and refuses an ACL line with commands that it does not know.
  const kind = isSharded(source) ? 'sharded' : source.kind;
  return commandNames.filter((name) => {
    if (name.startsWith('CLUSTER|')) return names.cluster === true;
    if (name === 'WAIT') return (names.minReplicas ?? 0) > 0;
    if (name === 'SELECT') return parseRedisUrl(names.redis).db !== 0;
    // Of the publishers only.
    if (name === 'LPUSH') return false;
    if (OF_LISTS.includes(name)) return kind === 'list' || names.outputType === 'list';
    return (ONLY_FOR[name] ?? kind) === kind;
  });
}

/** Whether the commands of sharded channels are needed. */
export function isSharded(source: Source): boolean {
  return source.kind === 'channel' && source.sharded === true;
}

/** The channels that a group uses; a list or a stream needs no marks. */
export function channelsOf(source: Source, { marks }: Pick<Keys, 'marks'>): string[] {
  return source.kind === 'channel' ? [source.name, marks] : [];
}

/** A name as a pattern that matches only this name. */
export function literal(name: string): string {
  return name.replace(/[\\*?[\]]/g, '\\$&');
}
