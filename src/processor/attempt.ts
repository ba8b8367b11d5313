import { performance } from 'node:perf_hooks';
import { messageOf } from '../core/errors.js';
import type { Message } from '../core/message.js';
import type { AttemptOptions } from './bench.js';
import { AttemptContext, GivenUp } from './context.js';
import type { Job, OnOutcome, Outcome, Running } from './executor.js';
import { encodeResult } from './processor.js';

const INTERRUPTED: Outcome = { kind: 'interrupted' };

/**
 * One call of the processor. It ends once, whatever the processor does: it may return, reject, throw,
 * never settle, or settle after it was timed out. Nothing it does gets out.
 */
export class Attempt<J extends Job> implements Running {
  readonly #job: J;
  readonly #messageId: string;
  readonly #bench: AttemptOptions;
  readonly #onOutcome: OnOutcome<J>;
  readonly #context: AttemptContext;
  readonly #began = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(job: J, messageId: string, bench: AttemptOptions, onOutcome: OnOutcome<J>) {
    this.#job = job;
    this.#messageId = messageId;
    this.#bench = bench;
    this.#onOutcome = onOutcome;
    this.#context = new AttemptContext(job, bench.consumerId, bench.log);
  }

  /** Begins. After the timeout of the bench it has failed; that cannot stop a processor that keeps the thread busy. */
  run(message: Message): void {
    const { processor, timeout } = this.#bench;
    let result: unknown;
    let promise: Promise<unknown> | undefined;
    try {
      result = processor(message, this.#context);
      // A `then` of the user's own making may throw, or hand over another promise.
      if (isThenable(result)) promise = Promise.resolve(result);
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (!promise) {
      this.#finish(result);
      return;
    }
    this.#timer = setTimeout(() => this.#timeOut(timeout), timeout);
    promise.then(
      (value) => this.#finish(value),
      (error) => this.#fail(error),
    );
  }

  /** Ends the attempt from outside: the group stops, or the entry is another consumer's by now. */
  interrupt(reason: string): void {
    this.#end(INTERRUPTED);
    this.#context.abort(new DOMException(reason, 'AbortError'));
  }

  #timeOut(timeout: number): void {
    const error = `no result within ${timeout} ms`;
    this.#end({ kind: 'failed', reason: 'timeout', error });
    this.#context.abort(new DOMException(error, 'TimeoutError'));
  }

  #finish(result: unknown): void {
    if (this.#ended) return;
    if (this.#context.givenUp) {
      this.#fail(this.#context.givenUp);
      return;
    }
    let data: string;
    try {
      data = encodeResult(result);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#end({ kind: 'processed', messageId: this.#messageId, data });
  }

  #fail(error: unknown): void {
    const givenUp = this.#context.givenUp ?? (error instanceof GivenUp ? error : undefined);
    if (givenUp) this.#end({ kind: 'given-up', error: givenUp.message });
    else this.#end({ kind: 'failed', reason: 'failed', error: describe(error) });
  }

  #end(outcome: Outcome): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#onOutcome(this.#job, outcome, performance.now() - this.#began);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}

/** What was thrown, in one line; a hostile value must not throw again. */
function describe(error: unknown): string {
  try {
    return error instanceof Error && error.name !== 'Error'
      ? `${error.name}: ${error.message}`
      : String(messageOf(error)); // a message may be anything, if the user set it
  } catch {
    return 'the processor threw a value that cannot be shown';
  }
}
