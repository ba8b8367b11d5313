import { performance } from 'node:perf_hooks';
import type { Logger } from '../logger.js';
import { parseMessage } from '../message.js';
import { Attempt, type Ending } from './attempt.js';
import type { Processor } from './processor.js';
import type { Job, OnOutcome, Running } from './workshop.js';

/** How a job is done, in whichever thread. */
export interface Bench {
  readonly consumerId: string;
  readonly processor: Processor;
  /** Of one attempt, ms. */
  readonly timeout: number;
  readonly log: Logger;
}

const DONE: Running = { interrupt() {} };

/** Does a job on this thread. */
export function doJob(
  { inboxId, message, attempt, traceparent }: Job,
  bench: Bench,
  onOutcome: OnOutcome,
): Running {
  const { consumerId, processor, timeout, log } = bench;
  const parsed = parseMessage(message);
  if (!parsed.valid) {
    onOutcome({ kind: 'invalid', reason: parsed.reason, error: parsed.error }, 0);
    return DONE;
  }
  const { messageId } = parsed;
  const started = performance.now();
  const onEnd = (ending: Ending) => {
    const outcome =
      ending.kind === 'processed' ? { kind: ending.kind, messageId, data: ending.data } : ending;
    onOutcome(outcome, performance.now() - started);
  };
  const running = new Attempt(consumerId, inboxId, attempt, log, onEnd, traceparent);
  running.run(processor, parsed.message, timeout);
  return running;
}
