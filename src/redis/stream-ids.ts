import { MOST_AHEAD } from '../core/bridge-store.js';
import type { OutputKind } from '../core/output.js';
import type { Keys } from './keys.js';
import type { Connection } from './protocol/connection.js';
import { ifAllowed, refusedAs } from './protocol/failure.js';
import { mapOf } from './reading.js';

/** A stream with an id far in the future: at the last possible one Redis takes no other entry. */
export interface LateStream {
  readonly key: string;
  /** The highest id that the stream ever had. */
  readonly lastId: string;
  /** The newest entries with such ids, at most 10. */
  readonly entries: readonly string[];
  /** The id to set the stream back to: of the newest entry before them, or of now. */
  readonly before: string;
  /** Whether consumers read it. */
  readonly hasGroup: boolean;
}

type Ids = readonly (readonly [id: string, fields: unknown])[];

/** The streams of a group whose ids are far ahead of Redis's clock; undefined if the user may not look at them. */
export async function lateStreams(
  connection: Connection,
  keys: Keys,
  outputType: OutputKind['outputType'],
): Promise<LateStream[] | undefined> {
  const { output, inbox, packs, dead, gaps, events } = keys;
  const all = [...(outputType === 'stream' ? [output] : []), inbox, packs, dead, gaps, events];
  // The keys of a lane hold those that all lanes share: they are read with the others.
  const streams = all.filter((key) => connection.serves(key));
  return ifAllowed(() => readLateStreams(connection, keys, streams));
}

async function readLateStreams(
  connection: Connection,
  { inbox, packs }: Keys,
  streams: readonly string[],
): Promise<LateStream[]> {
  const [seconds] = (await connection.call('TIME')) as [string, string];
  const limit = Number(seconds) * 1_000 + MOST_AHEAD;
  const late: LateStream[] = [];
  for (const key of streams) {
    const info = await infoOf(connection, key);
    const lastId = info?.get('last-generated-id') ?? '0-0';
    // As numbers: 2^64 is close enough here.
    if (Number(lastId.split('-')[0]) <= limit) continue;
    const entries = (await connection.call('XREVRANGE', key, '+', limit, 'COUNT', 10)) as Ids;
    const older = (await connection.call('XREVRANGE', key, limit, '-', 'COUNT', 1)) as Ids;
    const before = older[0]?.[0] ?? `${Number(seconds) * 1_000}-0`;
    late.push({
      key,
      lastId,
      entries: entries.map(([id]) => id),
      before,
      hasGroup: key === inbox || key === packs,
    });
  }
  return late;
}

/** Undefined if there is no such stream. */
async function infoOf(connection: Connection, key: string): Promise<Map<string, string> | undefined> {
  try {
    return mapOf((await connection.call('XINFO', 'STREAM', key)) as string[]);
  } catch (error) {
    if (refusedAs(error, 'OTHER')) return undefined;
    throw error;
  }
}
