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

/** Whether a name is that of the process, or of its host. */
export function isNamed(name: string, { id, host }: Pick<ProcessStatus, 'id' | 'host'>): boolean {
  return name === id || name === host;
}

/**
 * The event that paused a group; undefined if it is not paused, or if the event is no longer kept.
 *
 * @param events oldest first
 * @param kept how many events are kept at most: the oldest of so many may not be the first
 */
export function pauseIn<E extends { readonly paused: boolean }>(
  events: readonly E[],
  kept: number,
): E | undefined {
  const running = events.findLastIndex(({ paused }) => !paused);
  return running < 0 && events.length >= kept ? undefined : events[running + 1];
}
