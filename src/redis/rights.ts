import type { OutputKind } from '../core/output.js';
import { recordsInRedis } from '../core/record.js';
import { parseRedisUrl } from '../core/redis-address.js';
import { type Source, type SourceNames, sourceOf } from '../core/source.js';
import { hashesOf, type Keys, registryKeysOf } from './keys.js';
import type { Connection } from './protocol/connection.js';
import { failureOf, RefusedError } from './protocol/failure.js';
import type { Argument } from './protocol/script.js';
import { reaches } from './slots.js';

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
}

type Example = (keys: Keys, names: RightsNames) => readonly Argument[];

/**
 * Every command that the program sends, alone or in a script, with arguments that Redis accepts; none of these
 * is ever carried out (see {@link missingRights}). The ACL line holds these commands and no others; a test holds the list
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

/** The rights that a Redis user lacks; all empty if it lacks none. */
export interface MissingRights {
  /** Whether the lists are complete: without the right to queue commands most cannot be tried. */
  readonly complete: boolean;
  /** As ACLs name them: `client|id`. */
  readonly commands: readonly string[];
  readonly keys: readonly string[];
  readonly channels: readonly string[];
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
  const source = sourceOf(names);
  const pulled = source.kind === 'channel' ? [] : [literal(source.name)];
  return [
    'resetkeys',
    ...[output, `${group}*`, list, `${registry}*`, ...pulled].map((pattern) => `~${pattern}`),
    'resetchannels',
    ...channelsOf(source, keys).map((channel) => `&${literal(channel)}`),
    '-@all',
    ...needed(names).map((command) => `+${command.toLowerCase()}`),
  ];
}

/**
 * Which rights the user of a connection lacks. Each command is queued in a transaction, where Redis checks the rights,
 * and the transaction is discarded: no command is carried out. ACL DRYRUN would need a right that only admins have.
 * Only SUBSCRIBE is really sent: ioredis takes a queued one for a subscription.
 *
 * @param places not used for anything else meanwhile
 * @param listener of the same user, at the place of the channel, not subscribed yet: a connection subscribes once
 * @throws {CgroupError} OUTCOME_UNKNOWN
 */
export async function missingRights(
  places: Places,
  listener: Connection,
  names: RightsNames,
): Promise<MissingRights> {
  const { connection, keys } = places;
  const source = sourceOf(names);
  const commands = new Set<string>();
  const lacked = { keys: new Set<string>(), channels: new Set<string>() };
  const prefix = isSharded(source) ? 'S' : '';
  const subscribing = {
    [`${prefix}SUBSCRIBE`]: () => listener.subscribe(new Map([[source.name, () => {}]]), isSharded(source)),
    [`${prefix}UNSUBSCRIBE`]: () => listener.unsubscribe(),
  };
  for (const [command, send] of Object.entries(subscribing))
    if (source.kind === 'channel' && (await refusalOf(send())) === 'command')
      commands.add(command.toLowerCase());
  // Outside of a transaction it does nothing.
  if ((await refusalOf(connection.call('EXEC'))) === 'command') commands.add('exec');
  const pulled = source.kind !== 'channel' && reaches(connection, source) ? source : undefined;
  const asked = needed(names).flatMap((name) => {
    if (['MULTI', 'EXEC', 'DISCARD'].includes(name) || name in subscribing) return [];
    const example = (COMMANDS[name] as Example)(keys, names);
    // In another slot Redis would refer to another node, whatever the rights.
    return !pulled && source.kind !== 'channel' && example.includes(source.name) ? [] : [{ name, example }];
  });
  const { marks, record: _prefix, ...own } = keys;
  const hashes = recordsInRedis(names) ? [`${hashesOf(keys)}*`] : [];
  const changed = [...Object.values(own), ...hashes, ...(pulled?.kind === 'list' ? [pulled.name] : [])];
  const lacking = await whileQueueing(places, names, (refusal) =>
    Promise.all([
      ...asked.map(async ({ name, example }) => {
        if ((await refusal([...name.split('|'), ...example])) === 'command') commands.add(name.toLowerCase());
      }),
      ...changed.map(async (key) => {
        const refusals = await Promise.all(['TYPE', 'DEL'].map((command) => refusal([command, key])));
        if (refusals.includes('key')) lacked.keys.add(key);
      }),
      ...(pulled?.kind === 'stream' ? [pulled.name] : []).map(async (key) => {
        // Its entries stay: to read is enough.
        if ((await refusal(['XREAD', 'STREAMS', key, '$'])) === 'key') lacked.keys.add(key);
      }),
      ...channelsOf(source, { marks }).map(async (channel) => {
        const command = isSharded(source) ? 'SPUBLISH' : 'PUBLISH';
        if ((await refusal([command, channel, ''])) === 'channel') lacked.channels.add(channel);
      }),
    ]),
  );
  if (lacking) commands.add(lacking.toLowerCase());
  return {
    complete: lacking === undefined,
    commands: [...commands],
    keys: [...lacked.keys],
    channels: [...lacked.channels],
  };
}

/**
 * Which of these commands the user of a connection may not use; all of them if they cannot be queued. Checks like
 * {@link missingRights}: no command is carried out.
 *
 * @throws {CgroupError} OUTCOME_UNKNOWN
 */
export async function refusedOf(
  places: Places,
  names: RightsNames,
  commands: readonly (readonly string[])[],
): Promise<(readonly string[])[]> {
  if (commands.length === 0) return [];
  const refused: (readonly string[])[] = [];
  const lacking = await whileQueueing(places, names, (refusal) =>
    Promise.all(
      commands.map(async (words) => {
        if (await refusal(words)) refused.push(words);
      }),
    ),
  );
  return lacking ? [...commands] : refused;
}

/** The connections to the slots of a group; they may be one. */
interface Places {
  readonly connection: Connection;
  readonly registry: Connection;
  /** At the node of a sharded channel; the first one for any other source. */
  readonly atChannel: Connection;
  readonly keys: Keys;
}

/**
 * Opens a transaction and discards it, at each place. `work` queues commands in them by `refusal`, which resolves to the part of
 * the command that the user may not use. Returns MULTI or DISCARD if the user lacks it: then `work` is not called.
 */
async function whileQueueing(
  { connection, registry, atChannel, keys }: Places,
  names: RightsNames,
  work: (refusal: (words: readonly Argument[]) => Promise<Refused | undefined>) => Promise<unknown>,
): Promise<string | undefined> {
  const ofRegistry = new Set<Argument>(registryKeysOf(keys));
  const source = sourceOf(names);
  const ofChannel = new Set<Argument>(isSharded(source) ? channelsOf(source, keys) : []);
  const ofGroup = new Set<Argument>(Object.values(keys).filter((key) => !ofRegistry.has(key)));
  const placeOf = (words: readonly Argument[]) => {
    if (words.some((word) => ofChannel.has(word))) return atChannel;
    const isOfRegistry =
      words.some((word) => ofRegistry.has(word)) && !words.some((word) => ofGroup.has(word));
    return isOfRegistry ? registry : connection;
  };
  const opened: Connection[] = [];
  try {
    for (const one of new Set([connection, registry, atChannel])) {
      // Without DISCARD the transaction would never end; without MULTI all commands would be carried out.
      for (const command of ['DISCARD', 'MULTI']) if (await refusalOf(one.call(command))) return command;
      opened.push(one);
    }
    await work((words) => {
      const [command, ...rest] = words;
      return refusalOf(placeOf(words).call(String(command), ...rest));
    });
  } finally {
    for (const one of opened) await one.call('DISCARD');
  }
  return undefined;
}

type Refused = 'command' | 'key' | 'channel';

/** What the user may not use, from the text of the refusal. Redis checks the command first. */
async function refusalOf(reply: Promise<unknown>): Promise<Refused | undefined> {
  try {
    await reply;
    return undefined;
  } catch (thrown) {
    const error = failureOf(thrown, 'asking for a right');
    // Any other refusal: the user may send the command.
    if (!(error instanceof RefusedError)) throw error;
    if (error.refusal !== 'NOPERM') return undefined;
    if (error.message.includes("to run the '")) return 'command';
    return /\bchannels?\b/.test(error.message) ? 'channel' : 'key';
  }
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

function needed(names: RightsNames): string[] {
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

function isSharded(source: Source): boolean {
  return source.kind === 'channel' && source.sharded === true;
}

/** The channels that a group uses; a list or a stream needs no marks. */
function channelsOf(source: Source, { marks }: Pick<Keys, 'marks'>): string[] {
  return source.kind === 'channel' ? [source.name, marks] : [];
}

/** A name as a pattern that matches only this name. */
export function literal(name: string): string {
  return name.replace(/[\\*?[\]]/g, '\\$&');
}
