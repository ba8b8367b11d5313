import { MOST_LANES } from '../core/lanes.js';
import { integerOf } from './foreign.js';
import type { GroupInspector } from './group-inspector.js';
import { Inspector } from './inspect.js';
import { type Keys, laneKeys, lanesOf, type Names } from './keys.js';
import { LanesInspector } from './lanes-inspector.js';
import type { Connection } from './protocol/connection.js';
import type { Connections } from './protocol/connections.js';
import { ifAllowed } from './protocol/failure.js';

/** A lane of a group, and a connection to the node that has its slot. */
export interface LanePlace {
  readonly connection: Connection;
  readonly keys: Keys;
}

/** The same, with the number of the lane. */
export interface FormerLane extends LanePlace {
  readonly lane: number;
}

/** What an inspector of a group reads. */
export interface InspectorOptions {
  /** For the keys of the group. */
  readonly connection: Connection;
  readonly keys: Keys;
  /** For the list of consumers and the processes (see `openRegistry`). */
  readonly registry: Connection;
  /** See {@link openLanes}; none if the group has one lane. */
  readonly lanes: readonly LanePlace[];
  /** See {@link openFormerLanes}. */
  readonly former?: readonly FormerLane[];
  /** The Redis group. */
  readonly group: string;
}

export function makeInspector({
  connection,
  keys,
  registry,
  lanes,
  former = [],
  group,
}: InspectorOptions): GroupInspector {
  const base = new Inspector(connection, keys, group, registry);
  if (lanes.length === 0 && former.length === 0) return base;
  const inspectorOf = (lane: LanePlace) => new Inspector(lane.connection, lane.keys, group, registry);
  return new LanesInspector(
    base,
    lanes.map(inspectorOf),
    former.map((place) => ({ lane: place.lane, inspector: inspectorOf(place) })),
  );
}

/**
 * Connects to each lane of a group; to none if it has one lane only, which is the group itself.
 *
 * @throws {CgroupError} as {@link Connections.open}
 */
export async function openLanes(connections: Connections, role: string, names: Names): Promise<LanePlace[]> {
  return openEach(names, (keys) => connections.open(role, keys.output));
}

/**
 * As {@link openLanes}, to look at the group: a lane may be away.
 *
 * @throws {CgroupError} as {@link Connections.openAwayToo}
 */
export async function openLanesToRead(
  connections: Connections,
  role: string,
  names: Names,
): Promise<LanePlace[]> {
  return openEach(names, (keys) => connections.openAwayToo(role, keys.output));
}

async function openEach(names: Names, open: (keys: Keys) => Promise<Connection>): Promise<LanePlace[]> {
  const lanes = lanesOf(names);
  if (lanes.length === 1) return [];
  return Promise.all(lanes.map(async (keys) => ({ connection: await open(keys), keys })));
}

/**
 * Connects to each lane that a group had before it had fewer: there are results of that time. It may be away.
 *
 * @throws {CgroupError} as {@link Connections.openAwayToo}
 */
export async function openFormerLanes(
  connections: Connections,
  role: string,
  names: Names,
  { lanes, most }: LaneCount,
): Promise<FormerLane[]> {
  // A single lane has another name than each of several.
  const first = lanes === 1 && most > 1 ? 0 : lanes;
  const numbers = Array.from({ length: most }, (_, lane) => lane).slice(first);
  return Promise.all(
    numbers.map(async (lane) => {
      const keys = laneKeys(names, lane);
      return { lane, connection: await connections.openAwayToo(role, keys.output), keys };
    }),
  );
}

/** How many lanes a group has, and the most that it ever had. */
export interface LaneCount {
  readonly lanes: number;
  readonly most: number;
}

/**
 * How many lanes a group has, as its processes have told in Redis. Off a Cluster it has one, and Redis is not asked.
 *
 * @param given what the settings say: it counts as long as no group has run
 */
export async function lanesIn(
  connection: Connection,
  { bridge }: Pick<Keys, 'bridge'>,
  given = 1,
): Promise<LaneCount> {
  if (!connection.place.isCluster) return { lanes: 1, most: 1 };
  // If it is refused, whatever reads more than this is refused, too, and says so.
  const found = await ifAllowed(() => connection.call('HMGET', bridge, 'group', 'lanes', 'mostLanes'));
  const [group, told, most] = (found ?? []) as (string | null)[];
  if (!group) return { lanes: given, most: given };
  // A group that always had one does not tell.
  const lanes = laneCountIn(told);
  return { lanes, most: Math.max(lanes, laneCountIn(most)) };
}

function laneCountIn(text: string | null | undefined): number {
  return Math.min(MOST_LANES, Math.max(1, integerOf(text) ?? 1));
}
