import type { Payload } from './message.js';

/** An inbox entry as an executor gets it. */
export interface Delivery {
  readonly inboxId: string;
  readonly message: Payload;
  /** The number of the attempt, from 1. */
  readonly attempt: number;
  /** The W3C trace context of the attempt's span; only if tracing is on. */
  readonly traceparent?: string;
}

/** How an attempt ended. */
export type Outcome =
  | { readonly kind: 'processed'; readonly messageId: string; readonly data: string }
  | { readonly kind: 'failed'; readonly reason: 'failed' | 'timeout'; readonly error: string }
  /** The processor gave the message up: it gets no other attempt. */
  | { readonly kind: 'given-up'; readonly error: string }
  /** The entry is not a message. The processor was not called. */
  | { readonly kind: 'invalid'; readonly reason: 'invalid-json' | 'no-message-id'; readonly error: string }
  /** We interrupted the attempt, or it never began. This says nothing about the message. */
  | { readonly kind: 'interrupted' };

export const INTERRUPTED: Outcome = { kind: 'interrupted' };

/**
 * Called once per delivery, possibly before `execute` returns. It gets the delivery, so that one function serves all.
 *
 * @param busy ms from the start of the attempt to its end; 0 if the processor was not called, or if the time is unknown
 */
export type OnOutcome<D extends Delivery> = (delivery: D, outcome: Outcome, busy: number) => void;

/** An attempt that waits or runs. */
export interface RunningAttempt {
  /** Ends it from outside: the group stops, or another consumer has taken the entry over. */
  interrupt(reason: string): void;
}

/** Makes the attempts of one consumer. At most as many as its concurrency run at a time. */
export interface ConsumerExecutor {
  /** How many deliveries it accepts: those beyond the concurrency wait in it, and begin in their order. */
  readonly depth: number;
  /** Whether it ends every delivery as interrupted for now, because it cannot load the processor. */
  readonly closed: boolean;
  execute<D extends Delivery>(delivery: D, onOutcome: OnOutcome<D>): RunningAttempt;
  /** Begins no further attempt: the deliveries that wait end as interrupted. */
  quiet(): void;
}

/** Runs the processor for all consumers of a process. */
export interface Executor {
  /** @throws {CgroupError} PROCESSOR if the processor cannot be loaded */
  start(): Promise<void>;
  /** The executor of one of the consumers that this one was made for. */
  forConsumer(consumerId: string): ConsumerExecutor;
  /** Ends at once what still runs. */
  stop(): Promise<void>;
}
