import type { Control, ProcessStatus } from './control.js';

/** The sizes of a group's managed processes, all of them together. */
export interface Sizes {
  /** Consumers wanted; one for each process that is not drained, if no size was ever set. */
  readonly wanted: number;
  /** Consumers that run, those of drained processes included. */
  readonly running: number;
  /** Consumers that may run in the processes that are not drained. */
  readonly capacity: number;
  /** Managed processes that are not drained, and their hosts. */
  readonly managed: number;
  readonly hosts: number;
}

type Measured = Pick<ProcessStatus, 'host' | 'managed' | 'capacity' | 'consumers' | 'drained'>;

export function sizesOf({ size }: Pick<Control, 'size'>, processes: readonly Measured[]): Sizes {
  const managed = processes.filter((one) => one.managed);
  const usable = managed.filter(({ drained }) => !drained);
  return {
    wanted: size ?? usable.length,
    running: managed.reduce((sum, { consumers }) => sum + consumers, 0),
    capacity: usable.reduce((sum, { capacity }) => sum + capacity, 0),
    managed: usable.length,
    hosts: new Set(usable.map(({ host }) => host)).size,
  };
}

/** The processes of which no consumer can process: the processor of each cannot be started or reached for now. */
export function stalledOf<P extends { readonly consumers: number; readonly stalled?: number }>(
  processes: readonly P[],
): P[] {
  return processes.filter(({ consumers, stalled = 0 }) => stalled > 0 && stalled >= consumers);
}

/** Whether there are processes for remote workers, and none of them has a worker. */
export function lacksWorkers(processes: readonly { readonly workers?: number | null }[]): boolean {
  const remote = processes.filter(({ workers }) => typeof workers === 'number');
  return remote.length > 0 && remote.every(({ workers }) => workers === 0);
}
