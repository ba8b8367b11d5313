import { parseMessage } from '../core/message.js';
import { Attempt } from './attempt.js';
import type { AttemptOptions } from './bench.js';
import type { Job, OnOutcome, Running } from './executor.js';

const DONE: Running = { interrupt() {} };

/** Does a job on this thread. */
export function doJob<J extends Job>(job: J, bench: AttemptOptions, onOutcome: OnOutcome<J>): Running {
  const parsed = parseMessage(job.message);
  if (!parsed.valid) {
    onOutcome(job, { kind: 'invalid', reason: parsed.reason, error: parsed.error }, 0);
    return DONE;
  }
  const attempt = new Attempt(job, parsed.messageId, bench, onOutcome);
  attempt.run(parsed.message);
  return attempt;
}
