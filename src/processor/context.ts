import type { Delivery } from '../core/executor.js';
import type { Logger } from '../log/logger.js';

/** What a processor knows about the attempt, and what it can do besides returning a result. */
export interface Context {
  /** The id of the consumer that processes the message. */
  readonly consumerId: string;
  /** The id of the message's inbox entry: the same at each attempt, so it can serve as an idempotency key. */
  readonly inboxId: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /**
   * The W3C trace context of this attempt's span, to be passed on; undefined if tracing is off. On the main thread
   * the span is also the active one.
   */
  readonly traceparent: string | undefined;
  /** Aborted at the timeout of the attempt, or when the group stops and cannot wait any longer. */
  readonly signal: AbortSignal;
  /** A logger whose lines have the consumer, the inbox id and the attempt. */
  readonly log: Logger;
  /** Gives the message up at once: it becomes a dead letter, even if attempts are left. */
  deadLetter(reason: string): never;
}

/** Thrown by {@link Context.deadLetter}, to leave the processor. */
export class GivenUp extends Error {
  override readonly name = 'GivenUp';
}

/**
 * The context of one attempt. Signal and logger are made at first use: most processors use neither, and there
 * are 100,000 attempts a second.
 */
export class AttemptContext implements Context {
  readonly consumerId: string;
  readonly inboxId: string;
  readonly attempt: number;
  readonly traceparent: string | undefined;
  readonly #parentLog: Logger;
  #controller: AbortController | undefined;
  #abortReason: Error | undefined;
  #log: Logger | undefined;
  #givenUp: GivenUp | undefined;

  constructor({ inboxId, attempt, traceparent }: Omit<Delivery, 'message'>, consumerId: string, log: Logger) {
    this.consumerId = consumerId;
    this.inboxId = inboxId;
    this.attempt = attempt;
    this.traceparent = traceparent;
    this.#parentLog = log;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#abortReason) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  get log(): Logger {
    this.#log ??= this.#parentLog.child({
      consumer: this.consumerId,
      inboxId: this.inboxId,
      attempt: this.attempt,
    });
    return this.#log;
  }

  /** Set when the processor has given the message up, even if it caught what {@link deadLetter} throws. */
  get givenUp(): GivenUp | undefined {
    return this.#givenUp;
  }

  /** Bound, so that a processor may take it out of the context: `(message, { deadLetter })`. */
  get deadLetter(): (reason: string) => never {
    return (reason) => {
      this.#givenUp ??= new GivenUp(reason);
      throw this.#givenUp;
    };
  }

  /** Aborts the signal, now or at its first use. */
  abort(reason: Error): void {
    this.#abortReason ??= reason;
    this.#controller?.abort(this.#abortReason);
  }
}
