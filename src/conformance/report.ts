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
