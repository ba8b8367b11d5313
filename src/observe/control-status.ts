import {
  type AutoscaleRule,
  type Control,
  type ControlStore,
  type ProcessEnd,
  type ProcessStatus,
  pauseIn,
} from '../core/control.js';
import { type Sizes, sizesOf } from '../core/sizes.js';
import { LATEST_TIME } from '../redis/foreign.js';
import type { GroupInspector } from '../redis/group-inspector.js';

/** What operators want of a group, and how far its managed processes, all together, do it. */
export interface ControlStatus extends Sizes {
  /** Consumers wanted in all managed processes together; null if no size was ever set: one for each process. */
  readonly size: number | null;
  readonly paused: boolean;
  /** Who paused the group; null if it is not paused, or if that was more than 100 changes ago. */
  readonly pausedBy: { readonly who: string; readonly why: string; readonly at: string } | null;
  /** Null if an operator sets the size. */
  readonly autoscale: AutoscaleRule | null;
  /** Rises with each change; 0 if nothing was ever set. */
  readonly revision: number;
  /** Hosts and processes that run no managed consumers. */
  readonly drained: readonly string[];
}

/** A live process. */
export interface ShownProcess {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  /** Whether its number of consumers comes from the control plane; else it is fixed. */
  readonly managed: boolean;
  /** The most consumers that it may run; its number if it is fixed. */
  readonly capacity: number;
  /** Consumers that it shall run; null if it is fixed. */
  readonly share: number | null;
  /** Consumers that it runs. */
  readonly consumers: number;
  /** Of its consumers, those whose processor cannot be started or reached for now. */
  readonly stalled: number;
  /** Remote workers that are connected to it; null if its processor is another. */
  readonly workers: number | null;
  /** Whether it takes messages from a list or a stream. */
  readonly pulls: boolean;
  /** Whether it, or its host, is drained. */
  readonly drained: boolean;
  /** Attempts since it started, and those of them that failed; null in an older version, as all that follows. */
  readonly settled: number;
  readonly failed: number | null;
  /** Of cgroup. */
  readonly version: string | null;
  /** ms from its start to its last heartbeat. */
  readonly uptimeMs: number | null;
  /** ms between two heartbeats. */
  readonly heartbeat: number | null;
  /** Bridges that it wants in the group; null if it runs none. */
  readonly bridges: number | null;
  /** Whether its system of record takes no rows. */
  readonly recordAway: boolean;
  /** Its last heartbeat: ISO 8601, Redis's clock. */
  readonly lastBeat: string;
}

/** The control of a group and its processes, as a status shows them. */
export interface ControlReading {
  readonly control: ControlStatus;
  readonly processes: readonly ShownProcess[];
  /** The last processes that ended without leaving the group, the newest first: at most 20. */
  readonly ended: readonly ProcessEnd[];
}

const ENDS_SHOWN = 20;

/** Reads them; the events too if the group is paused. */
export async function readControl({
  control: store,
}: Pick<GroupInspector, 'control'>): Promise<ControlReading> {
  const [{ control, processes }, ends] = await Promise.all([store.readAll(), store.ends(ENDS_SHOWN)]);
  const live = new Set(processes.map(({ id }) => id));
  return {
    control: {
      ...shownControl(control),
      pausedBy: control.paused ? await pausedBy(store) : null,
      ...sizesOf(control, processes),
    },
    processes: processes.map(shownProcess),
    // A process that was stopped for long, and goes on, has not ended.
    ended: ends.filter(({ id }) => !live.has(id)),
  };
}

/** Who paused a group. */
async function pausedBy(store: ControlStore): Promise<ControlStatus['pausedBy']> {
  const event = pauseIn(await store.events());
  return event ? { who: event.who, why: event.why, at: event.at } : null;
}

function shownControl({ size, paused, autoscale, revision, drained }: Control) {
  return { size: size ?? null, paused, autoscale: autoscale ?? null, revision, drained };
}

function shownProcess(process: ProcessStatus): ShownProcess {
  const { id, host, pid, managed, capacity, share, consumers, stalled, workers, pulls, drained } = process;
  const { settled, failed, version, uptimeMs, heartbeat, bridges, recordAway, beatAt } = process;
  return {
    id,
    host,
    pid,
    managed,
    capacity,
    share: share ?? null,
    consumers,
    stalled: stalled ?? 0,
    workers: workers ?? null,
    pulls: pulls ?? false,
    drained,
    settled,
    failed: failed ?? null,
    version: version ?? null,
    uptimeMs: uptimeMs ?? null,
    heartbeat: heartbeat ?? null,
    bridges: bridges ?? null,
    recordAway: recordAway ?? false,
    lastBeat: new Date(Math.min(beatAt, LATEST_TIME)).toISOString(),
  };
}
