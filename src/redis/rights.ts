import type { Keys } from './keys.js';
import type { Connection } from './protocol/connection.js';
import { failureOf, RefusedError } from './protocol/failure.js';
import type { Argument } from './protocol/script.js';

/** The names of a group that its rights are about. */
export interface RightsNames {
  /** The URL of Redis, which names the database. */
  readonly redis: string;
  readonly channel: string;
  readonly group: string;
}

type Example = (keys: Keys, names: RightsNames) => readonly Argument[];

/**
 * Every command that the program sends, by itself or in a script, with arguments that Redis would take; none of them
 * is ever carried out (see {@link missingRights}). What is not here is not in the ACL line, and a test holds the list
 * against the scripts.
 */
const COMMANDS: Readonly<Record<string, Example>> = {
  'CLIENT|ID': () => [],
  'CLIENT|SETNAME': () => ['cgroup'],
  'CLIENT|UNBLOCK': () => [0],
  DEL: ({ consumerList }) => [consumerList],
  DISCARD: () => [],
  EVAL: () => ['return 0', 0],
  EVALSHA: () => ['0'.repeat(40), 0],
  EXISTS: ({ retry }) => [retry],
  HDEL: ({ bridge }) => [bridge, 'seat:'],
  HEXISTS: ({ bridge }) => [bridge, 'seat:'],
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
  RPUSH: ({ consumerList }) => [consumerList, 'id'],
  SELECT: (_keys, { redis }) => [databaseIn(redis)],
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
  XLEN: ({ inbox }) => [inbox],
  XPENDING: ({ inbox }, { group }) => [inbox, group],
  XRANGE: ({ gaps }) => [gaps, '-', '+'],
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

/** The commands, subcommands after a bar, as ACLs name them. */
export const commandNames: readonly string[] = Object.keys(COMMANDS);

/** What a Redis user lacks; all empty where it may do everything. */
export interface MissingRights {
  /** Whether these are all: what is asked for by queueing commands cannot be told where the user may queue none. */
  readonly complete: boolean;
  /** As ACLs name them: `client|id`. */
  readonly commands: readonly string[];
  readonly keys: readonly string[];
  readonly channels: readonly string[];
}

/** The rules of an ACL user that may do all that the program does, and nothing else. */
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

/** Connections of the user whose rights are in question. */
export interface Asking {
  /** Used by nobody else meanwhile. */
  readonly connection: Connection;
  /** Subscribed to nothing; afterwards it is, or was. */
  readonly listener: Connection;
}

/**
 * Which rights the user of a connection lacks. Each command is queued in a transaction, when Redis checks the rights,
 * and the transaction is discarded: nothing is ever done. ACL DRYRUN would need a right that only admins have.
 * Subscribing, which ioredis takes for done as soon as it is queued, is done in earnest.
 *
 * @throws {CgroupError} OUTCOME_UNKNOWN
 */
export async function missingRights(
  { connection, listener }: Asking,
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
  const asked = needed(names).filter(
    (name) => !['MULTI', 'DISCARD'].includes(name) && !(name in subscribing),
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
 * Which of these commands the user of a connection may not use, as {@link missingRights} asks; where it cannot be asked,
 * all of them. Nothing is done.
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
 * Has commands queued in a transaction, each by `refusal`, which tells what the user may not use of it, and discards
 * them. Gives back the command without which none can be queued, where the user lacks it.
 */
async function whileQueueing(
  connection: Connection,
  work: (refusal: (words: readonly Argument[]) => Promise<Refused | undefined>) => Promise<unknown>,
): Promise<string | undefined> {
  // Without the one the transaction would never end, and without the other all would be carried out.
  for (const command of ['DISCARD', 'MULTI']) if (await refusalOf(connection.call(command))) return command;
  try {
    await work(([command, ...rest]) => refusalOf(connection.call(String(command), ...rest)));
  } finally {
    await connection.call('DISCARD');
  }
  return undefined;
}

type Refused = 'command' | 'key' | 'channel';

/** What the user may not use, by Redis's words; the command is the first that Redis looks at. */
async function refusalOf(reply: Promise<unknown>): Promise<Refused | undefined> {
  try {
    await reply;
    return undefined;
  } catch (thrown) {
    const error = failureOf(thrown, 'asking for a right');
    // Whatever else is wrong with it, it may be sent.
    if (!(error instanceof RefusedError)) throw error;
    if (error.refusal !== 'NOPERM') return undefined;
    if (error.message.includes("to run the '")) return 'command';
    return /\bchannels?\b/.test(error.message) ? 'channel' : 'key';
  }
}

function needed(names: RightsNames): string[] {
  return commandNames.filter((name) => name !== 'SELECT' || databaseIn(names.redis) !== 0);
}

function databaseIn(url: string): number {
  return Number(new URL(url).pathname.slice(1));
}

/** A name as a pattern that matches it alone. */
function literal(name: string): string {
  return name.replace(/[\\*?[\]]/g, '\\$&');
}
