import { MOST_LANES } from '../core/lanes.js';
import { integerOf } from './foreign.js';
import type { GroupInspector } from './group-inspector.js';
import { Inspector } from './inspect.js';
import { type Keys, lanesOf, type Names } from './keys.js';
import { LanesInspector } from './lanes-inspector.js';
import type { Connection } from './protocol/connection.js';
import type { Connections } from './protocol/connections.js';
import { ifAllowed } from './protocol/failure.js';

/** A lane of a group, and a connection to the node that has its slot. */
export interface LanePlace {
  readonly connection: Connection;
  readonly keys: Keys;
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
  /** The Redis group. */
  readonly group: string;
}

export function makeInspector({
  connection,
  keys,
  registry,
  lanes,
  group,
}: InspectorOptions): GroupInspector {
  const base = new Inspector(connection, keys, group, registry);
  if (lanes.length === 0) return base;
  return new LanesInspector(
    base,
    lanes.map((lane) => new Inspector(lane.connection, lane.keys, group, registry)),
  );
}

/**
 * Connects to each lane of a group; to none if it has one lane only, which is the group itself.
 *
 * @throws {CgroupError} as {@link Connections.open}
 */
export async function openLanes(connections: Connections, role: string, names: Names): Promise<LanePlace[]> {
  const lanes = lanesOf(names);
  if (lanes.length === 1) return [];
  return Promise.all(
    lanes.map(async (keys) => ({ connection: await connections.open(role, keys.output), keys })),
  );
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
): Promise<number> {
  if (!connection.place.isCluster) return 1;
  // If it is refused, whatever reads more than this is refused, too, and says so.
  const found = await ifAllowed(() => connection.call('HMGET', bridge, 'group', 'lanes'));
  const [group, told] = (found ?? []) as (string | null)[];
  if (!group) return given;
  // A group that always had one does not tell.
  const lanes = integerOf(told) ?? 1;
  return Math.min(MOST_LANES, Math.max(1, lanes));
}
