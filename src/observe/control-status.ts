import {
  type AutoscaleRule,
  type Control,
  type ControlStore,
  type ProcessStatus,
  pauseIn,
} from '../core/control.js';
import { type Sizes, sizesOf } from '../core/sizes.js';
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
}

/** The control of a group and its processes, as a status shows them. */
export interface ControlReading {
  readonly control: ControlStatus;
  readonly processes: readonly ShownProcess[];
}

/** Reads them; the events too if the group is paused. */
export async function readControl({
  control: store,
}: Pick<GroupInspector, 'control'>): Promise<ControlReading> {
  const { control, processes } = await store.readAll();
  return {
    control: {
      ...shownControl(control),
      pausedBy: control.paused ? await pausedBy(store) : null,
      ...sizesOf(control, processes),
    },
    processes: processes.map(shownProcess),
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
  };
}
