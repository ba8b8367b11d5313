import { type SettingProblem, SettingsError } from './errors.js';

/** Autoscaling of a group: the leader sets the size within these bounds. */
export interface AutoscaleRule {
  /** Least and most consumers; at least 1. */
  readonly min: number;
  readonly max: number;
  /** ms within which a backlog is to be gone. */
  readonly drainWithin: number;
}

/** What operators, or the leader, want of a group. */
export interface Control {
  /** Rises with each change; 0 if nothing was ever set. */
  readonly revision: number;
  /** Consumers wanted in all managed processes together; undefined if no size was ever set: one for each process. */
  readonly size: number | undefined;
  /** No attempt begins, in no process. */
  readonly paused: boolean;
  /** Undefined if an operator sets the size. */
  readonly autoscale: AutoscaleRule | undefined;
  /** Hosts and processes that run no managed consumers. */
  readonly drained: readonly string[];
}

/** A change: what is left out stays as it is. A size alone ends autoscaling; `autoscale` without a size keeps the size. */
export type ControlChange = Partial<Omit<Control, 'revision'>>;

/** Who changes the control, and why. */
export interface Author {
  /** `user@host`, or the id of the process that leads. */
  readonly who: string;
  readonly why: string;
}

/** Changes that a group remembers: `control-state.lua` trims the stream to as many. */
export const KEPT_EVENTS = 100;

/** One change, as the group remembers it; the last 100 are kept. */
export interface ControlEvent extends Author {
  /** ISO 8601, by Redis's clock. */
  readonly at: string;
  readonly revision: number;
  /** What changed, in words: `size 3 -> 20`. */
  readonly what: string;
  /** Whether the group is paused since then. */
  readonly paused: boolean;
}

/** What a process says of itself with each heartbeat. */
export interface ProcessReport {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly managed: boolean;
  /** The most consumers it may run; its fixed number if it is not managed. */
  readonly capacity: number;
  /** Consumers that it runs and that do not leave. */
  readonly consumers: number;
  /** Attempts that Redis has recorded, since it started. */
  readonly settled: number;
  /** ms that its consumers were busy, all together, since it started. */
  readonly busyMs: number;
  /** Of its consumers, those whose processor cannot run for now; absent for none. */
  readonly stalled?: number;
  /** Most messages that it takes in one pack; absent in an older version, which takes none. */
  readonly packSize?: number;
  /** Into how many lanes it divides the group; absent for one. */
  readonly lanes?: number;
  /** Remote workers that are connected; absent if its processor is another. */
  readonly workers?: number;
  /** True if it takes messages from a list or a stream; else absent. */
  readonly pulls?: true;
  /** Of those settled, attempts that failed; absent in an older version, as all that follows. */
  readonly failed?: number;
  /** Of cgroup: `0.1.0`. */
  readonly version?: string;
  /** ms since it started. */
  readonly uptimeMs?: number;
  /** ms between two heartbeats. */
  readonly heartbeat?: number;
  /** Bridges that it wants in the group; absent if it runs none. */
  readonly bridges?: number;
  /** True while its system of record takes no rows; else absent. */
  readonly recordAway?: true;
}

/** A process that ended without leaving the group: it was killed, or crashed. */
export interface EndedProcess {
  readonly id: string;
  readonly host: string;
}

/** The same, and when it was noted: ISO 8601, by Redis's clock. */
export interface ProcessEnd extends EndedProcess {
  readonly at: string;
}

/** Ends of processes that a group remembers: they have a stream of their own, so that they push out no change of the control. */
export const KEPT_ENDS = 100;

/** What Redis replies: what the process has to do. */
export interface Orders {
  /** Most messages that a pack may hold: all processes of the group can take it. 1 for no packs. */
  readonly packSize: number;
  /** Whether a process of an older version is live, which reads no packs. */
  readonly older: boolean;
  /** Into how many lanes another live process divides the group; undefined if all do it as this one. */
  readonly otherLanes?: number | undefined;
  /** Consumers to run; undefined for a process that is not managed. */
  readonly share: number | undefined;
  readonly control: Control;
  /** What another program wrote into the control hash, by field; it was replaced by the last good state. */
  readonly healed: readonly string[];
}

/** A live process, as the group knows it. */
export interface ProcessStatus extends ProcessReport {
  /** Undefined if it is not managed. */
  readonly share: number | undefined;
  /** Whether it, or its host, is drained. */
  readonly drained: boolean;
  /** Its last heartbeat: ms since 1970, by Redis's clock. */
  readonly beatAt: number;
}

/** Reads and changes the control of a group. */
export interface ControlStore {
  /** The control as it is now, or the last good state if the hash holds something foreign. */
  read(): Promise<Control>;
  /**
   * Changes it. A change that changes nothing makes no event, and the revision stays.
   *
   * @param expected the revision that the caller has seen; undefined for any
   * @throws {CgroupError} STALE if another change came first: the message names it
   */
  change(change: ControlChange, author: Author, expected?: number): Promise<Control>;
  /**
   * The size that the leader has found; refused if the token is not the lead's, or the revision is not `expected`.
   *
   * @returns whether it was set
   */
  setSize(size: number, author: Author, lead: { token: number; expected: number }): Promise<boolean>;
  /** The last changes, oldest first. */
  events(): Promise<ControlEvent[]>;
  /** All live processes of the group, those without consumers too. */
  processes(): Promise<ProcessStatus[]>;
  /** The last processes that ended without leaving, the newest first; at most so many. */
  ends(most: number): Promise<ProcessEnd[]>;
  /** Control and processes, in fewer calls. */
  readAll(): Promise<{ readonly control: Control; readonly processes: ProcessStatus[] }>;
}

/** Whether a name is that of the process, or of its host. */
export function isNamed(name: string, { id, host }: Pick<ProcessStatus, 'id' | 'host'>): boolean {
  return name === id || name === host;
}

/**
 * The event that paused a group; undefined if it is not paused, or if that event is no longer kept.
 *
 * @param events all that are kept, oldest first
 */
export function pauseIn(events: readonly ControlEvent[]): ControlEvent | undefined {
  const running = events.findLastIndex(({ paused }) => !paused);
  return running < 0 && events.length >= KEPT_EVENTS ? undefined : events[running + 1];
}

/** The name of a host or a process: it is shown in lists, and given in commands. */
export const HOST_OR_PROCESS = /^\P{C}{1,300}$/u;

/** Most consumers of a process, and of all managed processes together. `checked.lua` knows it too. */
export const MOST_CONSUMERS = 10_000;
/** Most hosts and processes that are drained, and bytes of all their names. */
const MOST_DRAINED = 1_000;
const MOST_DRAINED_BYTES = 50_000;

/**
 * Checks a change, before Redis is asked.
 *
 * @throws {SettingsError} naming all that is wrong
 */
export function checkChange({ size, autoscale, drained }: ControlChange): void {
  const problems: SettingProblem[] = [];
  const add = (setting: string, isRight: boolean, message: string) => {
    if (!isRight) problems.push({ setting, message });
  };
  const isSize = (value: unknown, least: number) => isWhole(value, least, MOST_CONSUMERS);
  if (size !== undefined) add('size', isSize(size, 0), sizeRule(size));
  if (autoscale !== undefined) {
    const { min, max, drainWithin } = autoscale;
    add('min', isSize(min, 1), 'min must be a whole number from 1 to 10,000');
    add('max', isSize(max, 1), 'max must be a whole number from 1 to 10,000');
    add('max', !(isSize(max, 1) && isSize(min, 1) && min > max), `min ${min} is above max ${max}`);
    const isTime = isWhole(drainWithin, 1, Number.MAX_SAFE_INTEGER);
    add('drainWithin', isTime, 'drainWithin must be a whole number of milliseconds, at least 1');
  }
  if (drained !== undefined) {
    const areNames = drained.every((name) => typeof name === 'string' && HOST_OR_PROCESS.test(name));
    add('drained', areNames, 'the name of a host or a process must be a text of 1 to 300 characters');
    const bytes = areNames ? Buffer.byteLength(drained.join('')) : 0;
    add(
      'drained',
      drained.length <= MOST_DRAINED && bytes <= MOST_DRAINED_BYTES,
      'at most 1,000 hosts and processes can be drained, with names of 50,000 bytes together: undrain some first',
    );
  }
  if (problems.length > 0) throw new SettingsError(problems);
}

/**
 * Checks a size that must be given.
 *
 * @throws {SettingsError}
 */
export function checkSize(size: unknown): asserts size is number {
  if (!isWhole(size, 0, MOST_CONSUMERS))
    throw new SettingsError([{ setting: 'size', message: sizeRule(size) }]);
}

function sizeRule(size: unknown): string {
  const got =
    typeof size === 'string'
      ? JSON.stringify(size.slice(0, 80))
      : typeof size === 'number'
        ? size
        : typeof size;
  return `size must be a whole number from 0 to 10000; got ${got}`;
}

function isWhole(value: unknown, least: number, most: number): boolean {
  return Number.isInteger(value) && Number(value) >= least && Number(value) <= most;
}
