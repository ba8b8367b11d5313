import { recordsInRedis } from '../core/record.js';
import { sourceOf } from '../core/source.js';
import { hashesOf, type Keys, registryKeysOf } from './keys.js';
import type { LanePlace } from './open-lanes.js';
import type { Connection } from './protocol/connection.js';
import { failureOf, RefusedError } from './protocol/failure.js';
import type { Argument } from './protocol/script.js';
import { channelsOf, exampleOf, isSharded, neededCommands, type RightsNames } from './rights.js';
import { reaches } from './slots.js';

/** The rights that a Redis user lacks; all empty if it lacks none. */
export interface MissingRights {
  /** Whether the lists are complete: without the right to queue commands most cannot be tried. */
  readonly complete: boolean;
  /** As ACLs name them: `client|id`. */
  readonly commands: readonly string[];
  readonly keys: readonly string[];
  readonly channels: readonly string[];
}

interface RightsOptions {
  /** Not used for anything else meanwhile. */
  readonly connection: Connection;
  /** Of the same user, at the place of the channel, not subscribed yet: a connection subscribes once. */
  readonly trial: Connection;
  readonly keys: Keys;
  readonly names: RightsNames;
  /** Not used for anything else meanwhile, for the keys of the list of consumers. */
  readonly registry?: Connection;
  /** Likewise, at the node of a sharded channel. */
  readonly atChannel?: Connection;
  /** Likewise, for the keys of each lane; none if the group has one lane. Each node has users of its own. */
  readonly lanes?: readonly LanePlace[];
}

/**
 * Which rights the user of a connection lacks. Each command is queued in a transaction, where Redis checks the rights,
 * and the transaction is discarded: no command is carried out. ACL DRYRUN would need a right that only admins have.
 * Only SUBSCRIBE is really sent: ioredis takes a queued one for a subscription.
 *
 * @throws {CgroupError} OUTCOME_UNKNOWN
 */
export async function missingRights({
  connection,
  trial,
  keys,
  names,
  registry = connection,
  atChannel = connection,
  lanes = [],
}: RightsOptions): Promise<MissingRights> {
  const source = sourceOf(names);
  const lacked: Lacked = { commands: new Set(), keys: new Set(), channels: new Set() };
  const prefix = isSharded(source) ? 'S' : '';
  const subscribing = {
    [`${prefix}SUBSCRIBE`]: () => trial.subscribe(new Map([[source.name, () => {}]]), isSharded(source)),
    [`${prefix}UNSUBSCRIBE`]: () => trial.unsubscribe(),
  };
  for (const [command, send] of Object.entries(subscribing))
    if (source.kind === 'channel' && (await refusalOf(send())) === 'command')
      lacked.commands.add(command.toLowerCase());
  // Outside of a transaction it does nothing.
  if ((await refusalOf(connection.call('EXEC'))) === 'command') lacked.commands.add('exec');
  const places = [
    { connection, registry, atChannel, keys },
    ...lanes.map((lane) => ({ ...lane, registry: lane.connection, atChannel })),
  ];
  const asked = neededCommands(names).filter(
    (name) => !['MULTI', 'EXEC', 'DISCARD'].includes(name) && !(name in subscribing),
  );
  let complete = true;
  for (const place of places) {
    const lacking = await askAt(place, names, asked, lacked);
    if (!lacking) continue;
    complete = false;
    lacked.commands.add(lacking.toLowerCase());
  }
  return {
    complete,
    commands: [...lacked.commands],
    keys: [...lacked.keys],
    channels: [...lacked.channels],
  };
}

interface Lacked {
  readonly commands: Set<string>;
  readonly keys: Set<string>;
  readonly channels: Set<string>;
}

/** Asks for the commands and for the keys of one place. Returns the command that cannot be tried there, as {@link whileQueueing}. */
function askAt(
  place: Places,
  names: RightsNames,
  commands: readonly string[],
  lacked: Lacked,
): Promise<string | undefined> {
  const { connection, registry, keys } = place;
  const source = sourceOf(names);
  const { marks, record: _prefix, ...own } = keys;
  const pulled = source.kind !== 'channel' && reaches(connection, source) ? source : undefined;
  // In another slot Redis would refer to another node, whatever the rights.
  const elsewhere = new Set<Argument>(
    Object.values(own).filter((key) => !connection.serves(key) && !registry.serves(key)),
  );
  if (source.kind !== 'channel' && !pulled) elsewhere.add(source.name);
  const asked = commands
    .map((name) => ({ name, example: exampleOf(name, keys, names) }))
    .filter(({ example }) => !example.some((word) => elsewhere.has(word)));
  const hashes = recordsInRedis(names) ? [`${hashesOf(keys)}*`] : [];
  const all = [...Object.values(own), ...hashes, ...(pulled?.kind === 'list' ? [pulled.name] : [])];
  const changed = all.filter((key) => !elsewhere.has(key));
  return whileQueueing(place, names, (refusal) =>
    Promise.all([
      ...asked.map(async ({ name, example }) => {
        if ((await refusal([...name.split('|'), ...example])) === 'command')
          lacked.commands.add(name.toLowerCase());
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

/** The connections to the slots of a group; some may be one. */
interface Places {
  readonly connection: Connection;
  readonly registry: Connection;
  /** At the node of a sharded channel; the first one for any other source. */
  readonly atChannel: Connection;
  readonly keys: Keys;
  /** More of them, if the group has several lanes. */
  readonly lanes?: readonly LanePlace[];
}

/**
 * Opens a transaction and discards it, at each place. `work` queues commands in them by `refusal`, which resolves to the part of
 * the command that the user may not use. Returns MULTI or DISCARD if the user lacks it: then `work` is not called.
 */
async function whileQueueing(
  { connection, registry, atChannel, keys, lanes = [] }: Places,
  names: RightsNames,
  work: (refusal: (words: readonly Argument[]) => Promise<Refused | undefined>) => Promise<unknown>,
): Promise<string | undefined> {
  const ofRegistry = new Set<Argument>(registryKeysOf(keys));
  const source = sourceOf(names);
  const ofChannel = new Set<Argument>(isSharded(source) ? channelsOf(source, keys) : []);
  const ofGroup = new Set<Argument>(Object.values(keys).filter((key) => !ofRegistry.has(key)));
  const ofLanes = new Map<Argument, Connection>();
  for (const lane of lanes)
    for (const key of Object.values(lane.keys))
      if (!ofRegistry.has(key) && !ofGroup.has(key)) ofLanes.set(key, lane.connection);
  const placeOf = (words: readonly Argument[]) => {
    if (words.some((word) => ofChannel.has(word))) return atChannel;
    if (words.some((word) => ofGroup.has(word))) return connection;
    if (words.some((word) => ofRegistry.has(word))) return registry;
    return words.map((word) => ofLanes.get(word)).find((one) => one) ?? connection;
  };
  const opened: Connection[] = [];
  try {
    for (const one of new Set([connection, registry, atChannel, ...ofLanes.values()])) {
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
