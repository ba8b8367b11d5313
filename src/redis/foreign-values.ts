import type { OutputKind } from '../core/output.js';
import { isEntryId, timeOfId } from '../core/stream-id.js';
import { readEvents, readProcesses } from './control-store.js';
import { type ForeignValue, LATEST_TIME } from './foreign.js';
import type { GroupInspector } from './group-inspector.js';
import { Inspector } from './inspect.js';
import { type Keys, typesOf } from './keys.js';
import type { LanePlace } from './open-lanes.js';
import type { Connection } from './protocol/connection.js';
import { ifAllowed } from './protocol/failure.js';
import { type CutDeadLetter, mapOf } from './reading.js';
import { control as controlScript } from './scripts/control.js';

/** A foreign value, and the command that mends it. */
export interface ForeignFound extends ForeignValue {
  readonly command: readonly string[];
}

/** Members of the retry zset, and dead letters, that are looked at: the first, and the newest. */
const LOOKED_AT = 100;
/** Bytes of a field that are enough to see whose it is. */
const ENOUGH = 100;

const REMOVE = { hash: 'HDEL', stream: 'XDEL', zset: 'ZREM', list: 'LREM' } as const;

interface ForeignOptions {
  readonly connection: Connection;
  readonly keys: Keys;
  readonly registry: Connection;
  /** None if the group has one lane. */
  readonly lanes: readonly LanePlace[];
  /** The Redis group. */
  readonly group: string;
  /** Of the whole group. */
  readonly inspector: GroupInspector;
}

/** The values in the keys of a group that the group did not write. What Redis refuses to this user is left out. */
export async function foreignValues(options: ForeignOptions): Promise<ForeignFound[]> {
  const { connection, keys, registry, lanes, group, inspector } = options;
  const found: ForeignFound[] = [];
  for (const road of [{ connection, keys }, ...lanes]) found.push(...(await foreignInRoad(road, group)));
  const live = await ifAllowed(() => inspector.liveConsumers());
  const gaps = await ifAllowed(() => inspector.gaps());
  const events = await ifAllowed(() => readEvents(connection, keys));
  const processes = await ifAllowed(() => readProcesses(registry, keys));
  const control = await ifAllowed(() => foreignInControl(connection, keys));
  const shared = [
    ...(live?.foreign ?? []),
    ...(gaps?.foreign ?? []),
    ...(events?.foreign ?? []),
    ...(processes?.foreign ?? []),
    ...(control ?? []),
  ];
  found.push(...shared.map((one) => withCommand(one, keys, 'stream')));
  // The sum of the others comes last.
  return found.sort((a, b) => Number(a.field === 'relayed') - Number(b.field === 'relayed'));
}

/** Those on the way of the messages, of one lane. */
async function foreignInRoad({ connection, keys }: LanePlace, group: string): Promise<ForeignFound[]> {
  const inspector = new Inspector(connection, keys, group);
  const reading = await ifAllowed(() => inspector.read());
  const letters = await ifAllowed(() => inspector.deadLettersBefore(undefined, LOOKED_AT, ENOUGH));
  const retries = await ifAllowed(() => connection.call('ZRANGE', keys.retry, 0, LOOKED_AT - 1));
  const halts = await ifAllowed(() => inspector.halts.first(LOOKED_AT));
  const found = [
    ...(halts?.foreign ?? []),
    ...(reading?.foreign ?? []),
    ...(letters ?? []).filter((letter) => !isOurs(letter)).map(({ id }) => ({ key: keys.dead, field: id })),
    ...((retries ?? []) as string[])
      .filter((member) => !isEntryId(member))
      .map((member) => ({ key: keys.retry, field: member })),
  ];
  const outputType = reading?.outputType ?? 'stream';
  return found.map((one) => withCommand(one, keys, outputType));
}

function withCommand(
  { key, field }: ForeignValue,
  keys: Keys,
  outputType: OutputKind['outputType'],
): ForeignFound {
  const counted = key === keys.counters ? recount(keys, field, outputType) : undefined;
  return { key, field, command: counted ?? [REMOVE[typesOf(keys, outputType)[key] ?? 'hash'], key, field] };
}

/** Fields of the control that the group did not write. A running process replaces those that it knows; others stay. */
async function foreignInControl(connection: Connection, keys: Keys): Promise<ForeignValue[]> {
  const [{ control, foreign }, flat] = await Promise.all([
    connection.run(controlScript, keys, {}),
    connection.call('HGETALL', keys.control),
  ]);
  const known = Object.keys(control);
  return [...mapOf(flat as string[]).keys()]
    .filter((field) => foreign.includes(field) || !known.includes(field))
    .map((field) => ({ key: keys.control, field }));
}

function isOurs({ id, fields }: CutDeadLetter): boolean {
  return (
    fields.message !== undefined &&
    fields.reason !== undefined &&
    isEntryId(String(fields.inbox_id)) &&
    timeOfId(id) <= LATEST_TIME
  );
}

/**
 * The command that gives a counter its true value, so that relayed = processed + dead + backlog + parked + lost; undefined for a
 * counter of which that does not tell. Redis computes it, because the group counts on meanwhile.
 */
function recount(
  { counters, output, dead, inbox, held, parked }: Keys,
  field: string,
  outputType: OutputKind['outputType'],
): readonly string[] | undefined {
  const unsettled =
    'n("packed") + redis.call("XLEN", KEYS[2]) + redis.call("ZCARD", KEYS[3]) + redis.call("ZCARD", KEYS[4])';
  const all = [inbox, held, parked];
  const sums: Readonly<Record<string, readonly [sum: string, keys: readonly string[]]>> = {
    // Others may have taken results from a list.
    processed:
      outputType === 'list'
        ? [`n("relayed") - n("dead") - n("lost") - (${unsettled})`, all]
        : ['redis.call("XLEN", KEYS[2]) + n("trimmed")', [output]],
    dead: ['redis.call("XLEN", KEYS[2]) + n("purged")', [dead]],
    relayed: [`n("processed") + n("dead") + n("lost") + ${unsettled}`, all],
  };
  const [sum, read = []] = sums[field] ?? [];
  if (sum === undefined) return undefined;
  const lua =
    'local function n(name) return tonumber(redis.call("HGET", KEYS[1], name)) or 0 end ' +
    `return redis.call("HSET", KEYS[1], "${field}", string.format("%.0f", ${sum}))`;
  return ['EVAL', lua, String(1 + read.length), counters, ...read];
}
