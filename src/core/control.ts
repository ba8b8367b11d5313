/** Autoscaling of a group: the leader sets the size within these bounds. */
export interface AutoscaleRule {
  /** Least and most consumers. */
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

/** One change, as the group remembers it; the last 100 are kept. */
export interface ControlEvent extends Author {
  /** ISO 8601, by Redis's clock. */
  readonly at: string;
  readonly revision: number;
  /** What changed, in words: `size 3 -> 20`. */
  readonly what: string;
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
}

/** What a process is told in reply. */
export interface Orders {
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
}
