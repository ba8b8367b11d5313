import type { HostPort } from '../../core/redis-address.js';
import { type SeenMaster, UNKNOWN_EPOCH } from './seen-master.js';

/** What one node of a Cluster knows of it. */
export interface ClusterMap {
  /** The master of each slot that was asked for; undefined if no node has the slot. */
  readonly masters: ReadonlyMap<number, SeenMaster | undefined>;
  readonly nodes: readonly HostPort[];
}

/** `[first, last, [host, port, id, …], …]`: the master comes first. */
type SlotRange = [number, number, ...[string | null, number, string?, ...unknown[]][]];

/**
 * Reads the replies to CLUSTER SLOTS (https://redis.io/docs/latest/commands/cluster-slots/), which has the addresses for clients,
 * and to CLUSTER NODES (https://redis.io/docs/latest/commands/cluster-nodes/), which has the epochs.
 *
 * @param asked the node that answered: one without a name in its reply is at the same host
 */
export function readCluster(
  slots: unknown,
  nodes: string,
  asked: HostPort,
  wanted: Iterable<number>,
): ClusterMap {
  const epochs = epochsIn(nodes);
  const ranges = slots as SlotRange[];
  const address = ([host, port]: SlotRange[2]): HostPort => ({
    host: host === null || host === '' || host === '?' ? asked.host : host,
    port,
  });
  const masters = new Map<number, SeenMaster | undefined>();
  for (const slot of wanted) {
    const range = ranges.find(([first, last]) => first <= slot && slot <= last);
    const master = range?.[2];
    masters.set(slot, master && { ...address(master), epoch: epochs.get(master[2] ?? '') ?? UNKNOWN_EPOCH });
  }
  return { masters, nodes: ranges.flatMap(([, , ...servers]) => servers.map(address)) };
}

/** `ID ADDRESS FLAGS MASTER PING PONG EPOCH LINK …`, a line for each node. */
function epochsIn(nodes: string): Map<string, number> {
  const epochs = new Map<string, number>();
  for (const line of nodes.split('\n')) {
    const [id, , , , , , epoch] = line.split(' ');
    if (id && epoch !== undefined) epochs.set(id, Number(epoch));
  }
  return epochs;
}
