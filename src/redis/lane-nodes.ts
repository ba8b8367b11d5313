import { hostAndPort } from '../core/redis-address.js';
import type { LanePlace } from './open-lanes.js';
import type { Connection } from './protocol/connection.js';
import { ifAllowed } from './protocol/failure.js';

/** A master of a Cluster, and what it has of a group. */
export interface LaneNode {
  /** What CLUSTER SETSLOT calls it. */
  readonly id: string;
  /** `host:port` */
  readonly address: string;
  readonly lanes: readonly { readonly output: string; readonly slot: number }[];
}

/** `[first, last, [host, port, id, …], …]`: the master comes first. */
type Range = [number, number, [string | null, number, string, ...unknown[]], ...unknown[]];

/** The masters of a Cluster that have slots, with the lanes that lie in them; undefined if the user may not ask. */
export async function laneNodes(
  connection: Connection,
  lanes: readonly LanePlace[],
): Promise<LaneNode[] | undefined> {
  const ranges = (await ifAllowed(() => connection.call('CLUSTER', 'SLOTS'))) as Range[] | undefined;
  if (!ranges) return undefined;
  const nodes = new Map<string, LaneNode & { lanes: { output: string; slot: number }[] }>();
  for (const [first, last, [host, port, id]] of ranges) {
    const isKnown = host !== null && host !== '' && host !== '?';
    const address = hostAndPort({ host: isKnown ? host : (connection.at?.host ?? ''), port });
    const node = nodes.get(id) ?? { id, address, lanes: [] };
    nodes.set(id, node);
    for (const { connection: at, keys } of lanes)
      if (at.slot !== undefined && first <= at.slot && at.slot <= last)
        node.lanes.push({ output: keys.output, slot: at.slot });
  }
  return [...nodes.values()];
}
