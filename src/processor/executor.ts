import type { Payload } from '../core/payload.js';
import type { Logger } from '../log/logger.js';

/** One message to be processed. */
export interface Job {
  readonly inboxId: string;
  readonly message: Payload;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** Of the span of this attempt; only there where somebody traces. */
  readonly traceparent?: string;
}

/** What has become of a job. */
export type Outcome =
  | { readonly kind: 'processed'; readonly messageId: string; readonly data: string }
  | { readonly kind: 'failed'; readonly reason: 'failed' | 'timeout'; readonly error: string }
  /** The processor gave it up: no other attempt is worth it. */
  | { readonly kind: 'given-up'; readonly error: string }
  /** It is no message, and was not tried. */
  | { readonly kind: 'invalid'; readonly reason: 'invalid-json' | 'no-message-id'; readonly error: string }
  /** It was interrupted by us, or never begun, and says nothing about the message. */
  | { readonly kind: 'interrupted' };

/**
 * Called once for a job, perhaps before `run` has returned; `busy`: ms from its beginning to its end, 0 where it was
 * not processed or nobody can tell. The job is told, so that one function does for all.
 */
export type OnOutcome<J extends Job> = (job: J, outcome: Outcome, busy: number) => void;

/** A job that was taken on. */
export interface Running {
  /** Ends it from outside: the group stops, or the entry is another consumer's by now. */
  interrupt(reason: string): void;
}

/** Where the jobs of one consumer are done, so many at a time as its concurrency says. */
export interface ConsumerExecutor {
  /** How many jobs it takes on: those beyond the concurrency wait in it, and begin in their order. */
  readonly depth: number;
  /** Whether it takes on nothing for now, and ends as interrupted whatever it is given: it cannot load the processor. */
  readonly closed: boolean;
  execute<J extends Job>(job: J, onOutcome: OnOutcome<J>): Running;
  /** Begins nothing more: what waits in it ends as interrupted. */
  quiet(): void;
}

/** Where the processor runs, for all consumers of a process. */
export interface Executor {
  /** @throws {CgroupError} PROCESSOR where the processor cannot be loaded */
  start(): Promise<void>;
  /** The lane of one of the consumers that it was made for. */
  forConsumer(consumerId: string): ConsumerExecutor;
  /** Ends at once whatever still runs. */
  stop(): Promise<void>;
}

/** What a workshop is made for. */
export interface ExecutorOptions {
  /** Consumer ids. */
  readonly consumers: readonly string[];
  /** Jobs that are in work at a time in one lane. */
  readonly concurrency: number;
  /** Of one attempt, ms. */
  readonly timeout: number;
  readonly log: Logger;
}
