import { performance } from 'node:perf_hooks';
import { type Control, type ControlEvent, isNamed } from '../../core/control.js';
import { CgroupError } from '../../core/errors.js';
import { pause } from '../../core/service.js';
import { type Sizes, sizesOf } from '../../core/sizes.js';
import { numberText, plural } from '../../core/words.js';
import type { GroupControl } from '../../observe/group-control.js';
import { formatDuration } from '../../settings/durations.js';
import { because, shortageText } from './text.js';

/** ms between two looks at the group. */
const EVERY = 100;
/** Changes of others that an error names. */
const MOST_NAMED = 3;

type Watched = Pick<GroupControl, 'control' | 'processes' | 'events'>;

interface WaitOptions {
  /** ms */
  readonly timeout: number;
  /** ms between two looks. */
  readonly every?: number;
  /** How many consumers run, at each look. */
  readonly onRunning?: (running: number) => void;
}

/**
 * Waits until the managed processes run as many consumers as a change wants.
 *
 * @param set the control that the change returned, with its size
 * @throws {CgroupError} STATE if there is no room for them, or not all of them run in time; STALE if another change wants
 * another number
 */
export async function waitForSize(
  group: Watched,
  set: Control,
  { timeout, every = EVERY, onRunning = () => {} }: WaitOptions,
): Promise<Sizes> {
  const deadline = performance.now() + timeout;
  for (;;) {
    const [control, processes] = await Promise.all([group.control(), group.processes()]);
    if (control.size !== set.size || control.autoscale) throw overruled(await group.events(), set.revision);
    const sizes = sizesOf(control, processes);
    const { wanted, running, capacity } = sizes;
    const shortage = shortageText(sizes, processes);
    if (shortage === undefined && running === wanted) return sizes;
    const late = performance.now() >= deadline;
    // All that can run does. The rest waits for processes that an operator must start.
    if (shortage !== undefined && (running === capacity || late))
      throw new CgroupError('STATE', `${shortage}; ${numberText(wanted)} stays wanted`);
    if (late)
      throw new CgroupError(
        'STATE',
        `${numberText(running)} of ${plural(wanted, 'consumer runs', 'consumers run')} after ${formatDuration(timeout)}: cgroup status shows the processes; ${numberText(wanted)} stays wanted`,
      );
    onRunning(running);
    await pause(every);
  }
}

/**
 * Waits until a drained host or process runs no managed consumers, or is gone.
 *
 * @param set the control that the change returned
 * @throws {CgroupError} STATE if some still run after the timeout; STALE if another change ended it
 */
export async function waitForDrained(
  group: Watched,
  name: string,
  set: Control,
  { timeout, every = EVERY, onRunning = () => {} }: WaitOptions,
): Promise<void> {
  const deadline = performance.now() + timeout;
  for (;;) {
    const [control, processes] = await Promise.all([group.control(), group.processes()]);
    if (!control.drained.includes(name)) throw overruled(await group.events(), set.revision);
    const running = runningIn(name, processes);
    if (running === 0) return;
    if (performance.now() >= deadline)
      throw new CgroupError(
        'STATE',
        `${plural(running, 'consumer still runs', 'consumers still run')} in ${name} after ${formatDuration(timeout)}: they finish their messages; it stays drained`,
      );
    onRunning(running);
    await pause(every);
  }
}

/** Consumers of the managed processes with a name. */
export function runningIn(name: string, processes: Awaited<ReturnType<Watched['processes']>>): number {
  return processes
    .filter((one) => one.managed && isNamed(name, one))
    .reduce((sum, { consumers }) => sum + consumers, 0);
}

function overruled(events: readonly ControlEvent[], revision: number): CgroupError {
  const others = events.filter((event) => event.revision > revision).slice(-MOST_NAMED);
  const changes = others.map(({ who, what, why }) => `${who} (${what}${because(why)})`);
  const by = changes.length === 0 ? 'another change' : changes.join(', then ');
  return new CgroupError('STALE', `overruled meanwhile by ${by}: cgroup events shows all changes`);
}
