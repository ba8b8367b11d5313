import type { EndedProcess, Orders, ProcessReport } from './control.js';

/** Heartbeats that a process or a consumer may miss before it counts as dead. */
export const MISSED_BEATS = 3;

/** What one heartbeat of a process returns. */
export interface Beat {
  /** The ids of all live consumers, of all processes. */
  readonly live: string[];
  /** The ids that this call removed: their heartbeats ended, but they did not leave. */
  readonly dead: string[];
  /** Processes of this output that this call removed for the same reason. They may come back: see {@link Registry.noteEnded}. */
  readonly silent: readonly EndedProcess[];
}

/** The live processes, and the consumers of all of them. */
export interface Registry {
  /**
   * Notes the heartbeat of this process and of its consumers, and brings the list of live consumers up to date.
   *
   * @param report what the process says of itself; undefined if it ends, or has not begun: then it is not among the live
   * @param beating ids that are alive
   * @param leaving ids to remove at once
   * @param silence ms without a heartbeat after which a process or a consumer is dead
   * @throws {CgroupError} KEY_TYPE if a key holds something foreign; nothing is changed then
   */
  beat(
    report: ProcessReport | undefined,
    beating: readonly string[],
    leaving: readonly string[],
    silence: number,
  ): Promise<Beat & Orders>;
  /**
   * Notes the end of processes for those who look at the group, unless they are back: Redis, or the way to it, may have been away for all.
   *
   * @returns those that are not back
   */
  noteEnded(silent: readonly EndedProcess[]): Promise<readonly EndedProcess[]>;
}
