import { isEntryId, timeOfId } from '../core/stream-id.js';
import { type ForeignValue, LATEST_TIME } from './foreign.js';
import type { Inspector } from './inspect.js';
import { type Keys, typesOf } from './keys.js';
import type { Connection } from './protocol/connection.js';
import { ifAllowed } from './protocol/failure.js';
import type { CutDeadLetter, Reading } from './reading.js';

/** A foreign value, and the command that mends it. */
export interface ForeignFound extends ForeignValue {
  readonly command: readonly string[];
}

/** Members of the retry zset, and dead letters, that are looked at: the first, and the newest. */
const LOOKED_AT = 100;
/** Bytes of a field that are enough to see whose it is. */
const ENOUGH = 100;

const REMOVE = { hash: 'HDEL', stream: 'XDEL', zset: 'ZREM', list: 'LREM' } as const;

/** The values in the keys of a group that the group did not write. What Redis refuses to this user is left out. */
export async function foreignValues(
  connection: Connection,
  keys: Keys,
  inspector: Inspector,
): Promise<ForeignFound[]> {
  const reading = await ifAllowed(() => inspector.read());
  const live = await ifAllowed(() => inspector.liveConsumers());
  const gaps = await ifAllowed(() => inspector.gaps());
  const letters = await ifAllowed(() => inspector.deadLettersBefore(undefined, LOOKED_AT, ENOUGH));
  const retries = await ifAllowed(() => connection.call('ZRANGE', keys.retry, 0, LOOKED_AT - 1));
  const found = [
    ...(reading?.foreign ?? []),
    ...(live?.foreign ?? []),
    ...(gaps?.foreign ?? []),
    ...(letters ?? []).filter((letter) => !isOurs(letter)).map(({ id }) => ({ key: keys.dead, field: id })),
    ...((retries ?? []) as string[])
      .filter((member) => !isEntryId(member))
      .map((member) => ({ key: keys.retry, field: member })),
  ];
  const types = typesOf(keys);
  return found.map(({ key, field }) => {
    const value = key === keys.counters && reading ? trueCount(reading, keys, field) : undefined;
    const command =
      value === undefined ? [REMOVE[types[key] ?? 'hash'], key, field] : ['HSET', key, field, String(value)];
    return { key, field, command };
  });
}

function isOurs({ id, fields }: CutDeadLetter): boolean {
  return (
    fields.message !== undefined &&
    fields.reason !== undefined &&
    isEntryId(String(fields.inbox_id)) &&
    timeOfId(id) <= LATEST_TIME
  );
}

/** What a counter must hold so that relayed = processed + dead + backlog + lost; undefined if that does not say. */
function trueCount(
  { counters, backlog, outputLength, deadLetters, foreign }: Reading,
  { counters: key }: Keys,
  field: string,
): number | undefined {
  const isForeign = (name: string) => foreign.some((one) => one.key === key && one.field === name);
  const processed = isForeign('processed') ? outputLength + counters.trimmed : counters.processed;
  const dead = isForeign('dead') ? deadLetters + counters.purged : counters.dead;
  const relayed = processed + dead + backlog + counters.lost;
  return new Map([
    ['processed', processed],
    ['dead', dead],
    ['relayed', relayed],
  ]).get(field);
}
