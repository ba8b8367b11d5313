/** What one check of a worker found. */
export interface WorkerFinding {
  /** What was checked, in a word or two. */
  readonly check: string;
  /** `note`: worth knowing, or not checked. */
  readonly status: 'ok' | 'note' | 'wrong';
  /** What was seen. */
  readonly what: string;
  /** Why it matters, if it is wrong. */
  readonly why?: string;
  /** What to do, if it is wrong. */
  readonly advice?: string;
}

export interface ConformanceReport {
  readonly target: string;
  readonly findings: readonly WorkerFinding[];
  /** No finding is wrong. */
  readonly ok: boolean;
}

/** Of a check, without its name. */
export type Verdict = Omit<WorkerFinding, 'check'>;

export function fine(what: string): Verdict {
  return { status: 'ok', what };
}

export function remark(what: string): Verdict {
  return { status: 'note', what };
}

export function wrong(what: string, why: string, advice: string): Verdict {
  return { status: 'wrong', what, why, advice };
}

export const NOT_CHECKED = remark('not checked');

/** Why it is wrong that the first message has an error, and what to do. */
export const UNTRIED = 'no message gave a result, so most could not be checked';
export const GIVE_MESSAGE = 'give a message that it can process: --message JSON';
/** What to do if there may be a fault, or the message may be a wrong one. */
export const OR_GIVE_MESSAGE = 'if it needs other messages, give one with --message JSON';
