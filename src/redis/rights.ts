import { parseRedisUrl } from '../core/redis-address.js';
import type { Keys } from './keys.js';
import type { Connection } from './protocol/connection.js';
import { failureOf, RefusedError } from './protocol/failure.js';
import type { Argument } from './protocol/script.js';

/** The names in the rights of a group. */
export interface RightsNames {
  /** The URL of Redis: it names the database. */
  readonly redis: string;
  readonly channel: string;
  readonly group: string;
}

type Example = (keys: Keys, names: RightsNames) => readonly Argument[];

/**
 * Every command that the program sends, alone or in a script, with arguments that Redis accepts; none of these
 * is ever carried out (see {@link missingRights}). The ACL line holds these commands and no others; a test holds the list
 * against the sources.
 */
const COMMANDS: Readonly<Record<string, Example>> = {
  'CLIENT|ID': () => [],
  'CLIENT|SETNAME': () => ['cgroup'],
  'CLIENT|UNBLOCK': () => [0],
  DEL: ({ consumerList }) => [consumerList],
  DISCARD: () => [],
  EVAL: () => ['return 0', 0],
  EVALSHA: () => ['0'.repeat(40), 0],
  EXEC: () => [],
  HDEL: ({ bridge }) => [bridge, 'seat:'],
  HGET: ({ bridge }) => [bridge, 'mark'],
  HGETALL: ({ members }) => [members],
  HINCRBY: ({ counters }) => [counters, 'relayed', 0],
  HMGET: ({ bridge }) => [bridge, 'token'],
  HSET: ({ processed }) => [processed, 'consumer', 0],
  HSETNX: ({ bridge }) => [bridge, 'heard_at', 0],
  INFO: () => [],
  LRANGE: ({ consumerList }) => [consumerList, 0, -1],
  MULTI: () => [],
  PEXPIRE: ({ heartbeats }) => [heartbeats, 1],
  PING: () => [],
  PUBLISH: ({ marks }) => [marks, ''],
  'PUBSUB|CHANNELS': () => ['cgroup:*'],
  'PUBSUB|NUMSUB': (_keys, { channel }) => [channel],
  RENAMENX: ({ output, open }) => [output, open],
  RPUSH: ({ consumerList }) => [consumerList, 'id'],
  SELECT: (_keys, { redis }) => [parseRedisUrl(redis).db],
  SUBSCRIBE: (_keys, { channel }) => [channel],
  TIME: () => [],
  TYPE: ({ output }) => [output],
  UNSUBSCRIBE: () => [],
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
  ZRANGE: ({ heartbeats }) => [heartbeats, 0, -1],
  ZRANGEBYSCORE: ({ retry }) => [retry, 0, 0],
  ZREM: ({ retry }) => [retry, 'id'],
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
  return [
    'resetkeys',
    ...[output, `${group}*`, list, `${registry}*`].map((pattern) => `~${pattern}`),
    'resetchannels',
    ...[names.channel, keys.marks].map((channel) => `&${literal(channel)}`),
    '-@all',
    ...needed(names).map((command) => `+${command.toLowerCase()}`),
  ];
}

/**
 * Which rights the user of a connection lacks. Each command is queued in a transaction, where Redis checks the rights,
 * and the transaction is discarded: no command is carried out. ACL DRYRUN would need a right that only admins have.
 * Only SUBSCRIBE is really sent: ioredis takes a queued one for a subscription.
 *
 * @param connection not used for anything else meanwhile
 * @param listener of the same user, not subscribed yet: a connection subscribes once
 * @throws {CgroupError} OUTCOME_UNKNOWN
 */
export async function missingRights(
  connection: Connection,
  listener: Connection,
  keys: Keys,
  names: RightsNames,
): Promise<MissingRights> {
  const commands = new Set<string>();
  const lacked = { keys: new Set<string>(), channels: new Set<string>() };
  const subscribing = {
    SUBSCRIBE: () => listener.subscribe(new Map([[names.channel, () => {}]])),
    UNSUBSCRIBE: () => listener.unsubscribe(),
  };
  for (const [command, send] of Object.entries(subscribing))
    if ((await refusalOf(send())) === 'command') commands.add(command.toLowerCase());
  // Outside of a transaction it does nothing.
  if ((await refusalOf(connection.call('EXEC'))) === 'command') commands.add('exec');
  const asked = needed(names).filter(
    (name) => !['MULTI', 'EXEC', 'DISCARD'].includes(name) && !(name in subscribing),
  );
  const { marks, ...own } = keys;
  const lacking = await whileQueueing(connection, (refusal) =>
    Promise.all([
      ...asked.map(async (name) => {
        const example = COMMANDS[name] as Example;
        if ((await refusal([...name.split('|'), ...example(keys, names)])) === 'command')
          commands.add(name.toLowerCase());
      }),
      ...Object.values(own).map(async (key) => {
        const refusals = await Promise.all(['TYPE', 'DEL'].map((command) => refusal([command, key])));
        if (refusals.includes('key')) lacked.keys.add(key);
      }),
      ...[names.channel, marks].map(async (channel) => {
        if ((await refusal(['PUBLISH', channel, ''])) === 'channel') lacked.channels.add(channel);
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
  connection: Connection,
  commands: readonly (readonly string[])[],
): Promise<(readonly string[])[]> {
  if (commands.length === 0) return [];
  const refused: (readonly string[])[] = [];
  const lacking = await whileQueueing(connection, (refusal) =>
    Promise.all(
      commands.map(async (words) => {
        if (await refusal(words)) refused.push(words);
      }),
    ),
  );
  return lacking ? [...commands] : refused;
}

/**
 * Opens a transaction and discards it. `work` queues commands in it by `refusal`, which resolves to the part of the command
 * that the user may not use. Returns MULTI or DISCARD if the user lacks it: then `work` is not called.
 */
async function whileQueueing(
  connection: Connection,
  work: (refusal: (words: readonly Argument[]) => Promise<Refused | undefined>) => Promise<unknown>,
): Promise<string | undefined> {
  // Without DISCARD the transaction would never end; without MULTI all commands would be carried out.
  for (const command of ['DISCARD', 'MULTI']) if (await refusalOf(connection.call(command))) return command;
  try {
    await work(([command, ...rest]) => refusalOf(connection.call(String(command), ...rest)));
  } finally {
    await connection.call('DISCARD');
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

function needed(names: RightsNames): string[] {
  return commandNames.filter((name) => name !== 'SELECT' || parseRedisUrl(names.redis).db !== 0);
}

/** A name as a pattern that matches only this name. */
export function literal(name: string): string {
  return name.replace(/[\\*?[\]]/g, '\\$&');
}
