import type { OutputKind } from '../core/output.js';
import { type Keys, registryKeysOf, typesOf } from './keys.js';
import type { LanePlace } from './open-lanes.js';
import type { Connection } from './protocol/connection.js';
import { ifAllowed } from './protocol/failure.js';
import { type Orphans, orphans } from './scripts/group.js';
import { type LateStream, lateStreams } from './stream-ids.js';

// What the doctor reads of each road of a group: of its own keys, and of those of each lane if it has several.

/** Pending entries read in one call: the script blocks Redis meanwhile. */
const PAGE = 1_000;

/** A key of a group that holds something else. */
export interface WrongKey {
  readonly key: string;
  readonly expected: string;
  readonly found: string;
}

/** What the keys of the roads hold. @param registry the connection for the keys of the list of consumers */
export async function typesFound(
  roads: readonly LanePlace[],
  registry: Connection,
  outputType: OutputKind['outputType'],
): Promise<{ wrongKeys: WrongKey[]; unseenKeys: string[] }> {
  const all = await Promise.all(
    keysAt(roads, registry, outputType).map(async ({ at, key, expected }) => {
      const found = await ifAllowed(async () => String(await at.call('TYPE', key)));
      return { key, expected, found };
    }),
  );
  return {
    wrongKeys: all.flatMap(({ key, expected, found }) =>
      found === undefined || found === 'none' || found === expected ? [] : [{ key, expected, found }],
    ),
    unseenKeys: all.filter(({ found }) => found === undefined).map(({ key }) => key),
  };
}

/** Each key once, with the connection for it: lanes share some. */
function keysAt(roads: readonly LanePlace[], registry: Connection, outputType: OutputKind['outputType']) {
  const keys = new Map<string, { at: Connection; key: string; expected: string }>();
  for (const { connection, keys: own } of roads) {
    const ofRegistry = registryKeysOf(own);
    for (const [key, expected] of Object.entries(typesOf(own, outputType)))
      if (!keys.has(key))
        keys.set(key, { at: ofRegistry.includes(key) ? registry : connection, key, expected });
  }
  return [...keys.values()];
}

/** As {@link lateStreams}, of all roads. */
export async function lateStreamsIn(
  roads: readonly LanePlace[],
  outputType: OutputKind['outputType'],
): Promise<LateStream[] | undefined> {
  const found = await Promise.all(
    roads.map(({ connection, keys }) => lateStreams(connection, keys, outputType)),
  );
  return found.some((one) => one === undefined) ? undefined : found.flatMap((one) => one ?? []);
}

/** Whose messages of all roads no live consumer has taken over. */
export async function orphansIn(
  roads: readonly LanePlace[],
  options: { readonly group: string; readonly live: readonly string[]; readonly silence: number },
): Promise<Orphans[]> {
  const all = new Map<string, Orphans>();
  for (const { connection, keys } of roads)
    for (const packs of [false, true])
      for await (const one of pagesOf(connection, keys, { ...options, packs })) {
        const { pending, idle } = all.get(one.id) ?? { pending: 0, idle: 0 };
        all.set(one.id, { ...one, pending: pending + one.pending, idle: Math.max(idle, one.idle) });
      }
  return [...all.values()];
}

/** See `orphans.lua`. */
async function* pagesOf(
  connection: Connection,
  { inbox, packs, retry }: Keys,
  options: { group: string; live: readonly string[]; silence: number; packs: boolean },
): AsyncGenerator<Orphans> {
  const streams = { inbox: options.packs ? packs : inbox, retry };
  for (let from = '-'; from !== ''; ) {
    const page = await connection.run(orphans, streams, { ...options, from, count: PAGE });
    yield* page.found;
    from = page.next;
  }
}
