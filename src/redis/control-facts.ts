import { type Control, type ControlEvent, type ProcessStatus, pauseIn } from '../core/control.js';
import { readControlAndProcesses, readEvents } from './control-store.js';
import type { GroupInspector } from './group-inspector.js';
import type { Keys } from './keys.js';
import type { Connection } from './protocol/connection.js';

/** What the doctor needs to know of the control plane. */
export interface ControlFacts {
  readonly control: Control;
  /** Fields of the control that another program wrote or removed. */
  readonly foreign: readonly string[];
  /** The drained names that are ids of processes; the others are hosts. */
  readonly drainedProcesses: readonly string[];
  readonly processes: readonly ProcessStatus[];
  /** Who paused the group; undefined if it is not paused, or that event is no longer kept. */
  readonly paused: ControlEvent | undefined;
  /** The bridge that leads; null if none does. */
  readonly leader: string | null;
}

export async function controlFacts(
  connection: Connection,
  keys: Keys,
  inspector: GroupInspector,
  registry: Connection,
): Promise<ControlFacts> {
  const { events } = await readEvents(connection, keys);
  return {
    ...(await readControlAndProcesses(connection, keys, registry)),
    paused: pauseIn(events),
    leader: (await inspector.totals()).leader,
  };
}
