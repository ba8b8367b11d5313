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
  | {
      readonly kind: 'failed';
      readonly reason: 'failed' | 'timeout';
      readonly error: string;
      /** Of the Error that the processor threw; see `stackOf` in processor/stack.ts. */
      readonly stack?: string | undefined;
      /** ms to wait before the next attempt; undefined for the usual back-off. */
      readonly retryAfter?: number;
    }
  /** The processor gave the message up: it gets no other attempt. */
  | { readonly kind: 'given-up'; readonly error: string; readonly stack?: string | undefined }
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

/** What came of messages whose processor returned at once. */
export interface InstantResults {
  /** The message id and the data of each message in turn. */
  readonly texts: readonly string[];
  /** Characters of all data. */
  readonly length: number;
  /** ms of each attempt. */
  readonly times: readonly number[];
  /**
   * Goes on with the attempt on the next message, which has begun and has no result yet. Absent if all have results, or if no
   * further attempt was to begin.
   */
  readonly next?: <D extends Delivery>(delivery: D, onOutcome: OnOutcome<D>) => RunningAttempt;
}

/** Makes the attempts of one consumer. At most as many as its concurrency run at a time. */
export interface ConsumerExecutor {
  /** How many deliveries it accepts: those beyond the concurrency wait in it, and begin in their order. */
  readonly depth: number;
  /** Whether it ends every delivery as interrupted for now, because it cannot load the processor. */
  readonly closed: boolean;
  /** Whether its processor cannot run for now, also while one delivery tries whether it can again. If absent: {@link closed}. */
  readonly away?: boolean;
  execute<D extends Delivery>(delivery: D, onOutcome: OnOutcome<D>): RunningAttempt;
  /**
   * Makes the first attempts of messages in turn, as long as each has its result at once: at a part of the cost of
   * {@link execute}. Absent if the processor runs elsewhere.
   *
   * @param goOn asked before each message, with the characters of all data so far
   */
  executeAll?(
    pack: { readonly messages: readonly Payload[]; readonly inboxIds: readonly string[] },
    goOn: (length: number) => boolean,
  ): InstantResults;
  /** Begins no further attempt until {@link resume}: the deliveries that wait end as interrupted. */
  quiet(): void;
  resume(): void;
}

/** Runs the processor for all consumers of a process, which come and go. */
export interface Executor {
  /**
   * Loads the processor.
   *
   * @param consumers how many will be added soon; 0 if there will be none
   * @throws {CgroupError} PROCESSOR if the processor cannot be loaded
   */
  start(consumers: number): Promise<void>;
  /**
   * Makes the executor of a new consumer.
   *
   * @throws {CgroupError} PROCESSOR if a thread of its own cannot load the processor
   */
  add(consumerId: string): Promise<ConsumerExecutor>;
  /** Ends the executor of a consumer that has nothing in work. Idempotent. */
  remove(consumerId: string): void;
  /** Ends at once what still runs. */
  stop(): Promise<void>;
}
