import { performance } from 'node:perf_hooks';
import { cutError } from '../core/errors.js';
import {
  type Delivery,
  INTERRUPTED,
  type InstantResults,
  type OnOutcome,
  type Outcome,
  type RunningAttempt,
} from '../core/executor.js';
import { type Message, type Payload, parseMessage } from '../core/message.js';
import type { Logger } from '../log/logger.js';
import { AttemptContext, GivenUp } from './context.js';
import { errorText } from './error-text.js';
import type { Processor } from './processor.js';
import { encodeResult } from './result.js';
import { stackOf } from './stack.js';

/** How attempts are made, in any thread. */
export interface AttemptOptions {
  readonly consumerId: string;
  readonly processor: Processor;
  /** Of one attempt, ms. */
  readonly timeout: number;
  readonly log: Logger;
}

/** As {@link ConsumerExecutor.executeAll}. */
export function attemptAll(
  { messages, inboxIds }: { readonly messages: readonly Payload[]; readonly inboxIds: readonly string[] },
  options: AttemptOptions,
  goOn: (length: number) => boolean,
): InstantResults {
  const { processor, consumerId, log } = options;
  const [texts, times]: [string[], number[]] = [[], []];
  let length = 0;
  let before = performance.now();
  for (let i = 0; i < messages.length && goOn(length); i++) {
    const parsed = parseMessage(messages[i] as Payload);
    if (!parsed.valid)
      return {
        texts,
        length,
        times,
        next: (delivery, onOutcome) => beginAttempt(delivery, options, onOutcome),
      };
    const context = new AttemptContext({ inboxId: inboxIds[i] as string, attempt: 1 }, consumerId, log);
    const { messageId } = parsed;
    let json: string;
    try {
      const result = processor(parsed.message, context);
      if (context.givenUp || isThenable(result))
        return {
          texts,
          length,
          times,
          next: goingOn({ messageId, context, began: before, result }, options),
        };
      json = encodeResult(result);
    } catch (error) {
      return { texts, length, times, next: goingOn({ messageId, context, began: before, error }, options) };
    }
    texts.push(messageId, json);
    length += json.length;
    const now = performance.now();
    times.push(now - before);
    before = now;
  }
  return { texts, length, times };
}

/** A call of the processor that has been made, and what came of it. */
type Call = {
  readonly messageId: string;
  readonly context: AttemptContext;
  /** When: ms of the monotonic clock. */
  readonly began: number;
} & ({ readonly result: unknown } | { readonly error: unknown });

/** Makes an attempt of a call. */
function goingOn(call: Call, options: AttemptOptions): NonNullable<InstantResults['next']> {
  return (delivery, onOutcome) => {
    const { messageId, context, began } = call;
    const attempt = new Attempt(delivery, messageId, options, onOutcome, context, began);
    if ('error' in call) attempt.fail(call.error);
    else attempt.goOn(call.result);
    return attempt;
  };
}

const ENDED: RunningAttempt = { interrupt() {} };

/** Calls the processor with the message of a delivery, on this thread. */
export function beginAttempt<D extends Delivery>(
  delivery: D,
  options: AttemptOptions,
  onOutcome: OnOutcome<D>,
): RunningAttempt {
  const parsed = parseMessage(delivery.message);
  if (!parsed.valid) {
    onOutcome(delivery, { kind: 'invalid', reason: parsed.reason, error: parsed.error }, 0);
    return ENDED;
  }
  const attempt = new Attempt(delivery, parsed.messageId, options, onOutcome);
  attempt.begin(parsed.message);
  return attempt;
}

/**
 * One call of the processor. It ends once, whatever the processor does: it may return, reject, throw,
 * never settle, or settle after its timeout. No error of the processor gets out.
 */
export class Attempt<D extends Delivery> implements RunningAttempt {
  readonly #delivery: D;
  readonly #messageId: string;
  readonly #options: AttemptOptions;
  readonly #onOutcome: OnOutcome<D>;
  readonly #context: AttemptContext;
  readonly #began: number;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  /**
   * @param context of a call that has been made already: then call {@link goOn} or {@link fail}, not {@link begin}
   * @param began when: ms of the monotonic clock
   */
  constructor(
    delivery: D,
    messageId: string,
    options: AttemptOptions,
    onOutcome: OnOutcome<D>,
    context = new AttemptContext(delivery, options.consumerId, options.log),
    began = performance.now(),
  ) {
    this.#delivery = delivery;
    this.#messageId = messageId;
    this.#options = options;
    this.#onOutcome = onOutcome;
    this.#context = context;
    this.#began = began;
  }

  /** Calls the processor. After the timeout the attempt has failed, but a processor that blocks the thread goes on. */
  begin(message: Message): void {
    let result: unknown;
    try {
      result = this.#options.processor(message, this.#context);
    } catch (error) {
      this.fail(error);
      return;
    }
    this.goOn(result);
  }

  /** Takes what the processor returned: a result, or a promise of one. */
  goOn(result: unknown): void {
    const { timeout } = this.#options;
    let promise: Promise<unknown> | undefined;
    try {
      // The user's own `then` may throw, or resolve to another promise.
      if (isThenable(result)) promise = Promise.resolve(result);
    } catch (error) {
      this.fail(error);
      return;
    }
    if (!promise) {
      this.#finish(result);
      return;
    }
    this.#timer = setTimeout(() => this.#timeOut(timeout), timeout);
    promise.then(
      (value) => this.#finish(value),
      (error) => this.fail(error),
    );
  }

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
    let data: string;
    try {
      if (this.#context.givenUp) throw this.#context.givenUp;
      data = encodeResult(result);
    } catch (error) {
      this.fail(error);
      return;
    }
    this.#end({ kind: 'processed', messageId: this.#messageId, data });
  }

  /** The processor threw, or its promise rejected. */
  fail(error: unknown): void {
    const givenUp = this.#context.givenUp ?? (isGivenUp(error) ? error : undefined);
    const stack = stackOf(givenUp ?? error);
    if (givenUp) this.#end({ kind: 'given-up', error: givenUp.message, stack });
    else this.#end({ kind: 'failed', reason: 'failed', error: errorText(error), stack });
  }

  #end(outcome: Outcome): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#timer) clearTimeout(this.#timer);
    // Here already: a long error would be copied from thread to thread.
    const kept = 'error' in outcome ? { ...outcome, error: cutError(outcome.error) } : outcome;
    this.#onOutcome(this.#delivery, kept, performance.now() - this.#began);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}

/** Never throws, though a Proxy may when its type is asked for. */
function isGivenUp(error: unknown): error is GivenUp {
  try {
    return error instanceof GivenUp;
  } catch {
    return false;
  }
}
