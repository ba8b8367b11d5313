import { performance } from 'node:perf_hooks';
import type { Dispatcher } from 'undici';
import { cutError } from '../../core/errors.js';
import {
  type Delivery,
  INTERRUPTED,
  type OnOutcome,
  type Outcome,
  type RunningAttempt,
} from '../../core/executor.js';
import { LARGEST_RESULT } from '../../protocol/limits.js';
import { type AnswerHead, brokenText, isSuccess, outcomeOf, reasonOf, signOf } from './answer.js';
import { AnswerBody, type BytesRead } from './body.js';
import type { Sign } from './circuit.js';

/** Bytes of an answer that is no success: so many are kept for the error, so many are read to keep the connection. */
const TEXT_KEPT = 1_000;
const TEXT_READ = 65_536;
/** Bytes of all answers that a process reads at a time. */
const MOST_READ = 4 * LARGEST_RESULT;
const MB = 2 ** 20;

/** A message on its way to the service. */
export interface Order<D extends Delivery = Delivery> {
  readonly delivery: D;
  readonly onOutcome: OnOutcome<D>;
  readonly messageId: string;
  /** The message, as it was published. */
  readonly text: string;
}

export interface CallOptions {
  /** Of the whole attempt, ms. */
  readonly timeout: number;
  /** One for all calls of a process. */
  readonly bytesRead: BytesRead;
  /** The call has a connection. */
  readonly onConnected: (call: ServiceCall) => void;
  /** Called once, before the outcome is reported, with what the end says about the service. */
  readonly onEnded: (call: ServiceCall, sign: Sign, error: string) => void;
}

/** One request to the service: one attempt. It ends once, with what comes first. */
export class ServiceCall implements RunningAttempt, Dispatcher.DispatchHandler {
  readonly order: Order;
  readonly #options: CallOptions;
  /** The era of the circuit in which it was sent; undefined while it waits. */
  #era: number | undefined;
  #at = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Set when there is a connection: from then on something may have been sent. */
  #controller: Dispatcher.DispatchController | undefined;
  #head: AnswerHead | undefined;
  readonly #body: AnswerBody;
  /** Bytes that came of an answer that is no success. */
  #textRead = 0;
  #ended = false;

  constructor(order: Order, options: CallOptions) {
    this.order = order;
    this.#options = options;
    this.#body = new AnswerBody(options.bytesRead);
  }

  get era(): number | undefined {
    return this.#era;
  }

  /** It is sent now. */
  begin(era: number): void {
    this.#era = era;
    this.#at = performance.now();
    this.#timer = setTimeout(() => this.#timeOut(), this.#options.timeout);
  }

  /** Ends it, and breaks its connection. */
  interrupt(reason: string): void {
    this.#end(INTERRUPTED, 'unknown', reason);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#ended) this.#abort();
    else this.#options.onConnected(this);
  }

  onResponseStart(
    _: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    // 102 and 103 come before the answer.
    if (status < 200) return;
    this.#head = { status, headers };
    if (isSuccess(status) && Number(headers['content-length']) > LARGEST_RESULT) this.#refuseLarge();
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#ended || !this.#head) return;
    const { bytes } = this.#options.bytesRead;
    if (!isSuccess(this.#head.status)) this.#readText(this.#head, chunk);
    else if (this.#body.size + chunk.length > LARGEST_RESULT) this.#refuseLarge();
    else if (bytes + chunk.length > MOST_READ)
      this.#fail(`the answers in work are larger than ${MOST_READ / MB} MB together`, 'answered');
    else this.#body.append(chunk);
  }

  /**
   * The outcome brings the next request. It waits until undici has freed this connection, in the next turn of the event loop:
   * else there would be twice as many connections as attempts.
   */
  onResponseEnd(): void {
    const head = this.#head;
    if (head) queueMicrotask(() => setImmediate(() => this.#answer(head)));
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    const why = reasonOf(error);
    if (this.#head && !isSuccess(this.#head.status)) this.#answer(this.#head);
    else if (this.#controller)
      this.#fail(
        this.#head ? `the connection to the service broke within the answer: ${why}` : brokenText(error),
        'failing',
      );
    else this.#end(INTERRUPTED, 'unreachable', why);
  }

  #timeOut(): void {
    const { timeout } = this.#options;
    if (this.#head && !isSuccess(this.#head.status)) this.#answer(this.#head);
    else if (this.#controller) {
      const error = `no ${this.#head ? 'end of the ' : ''}answer of the service within ${timeout} ms`;
      this.#end({ kind: 'failed', reason: 'timeout', error }, 'late', error);
    } else this.#end(INTERRUPTED, 'unreachable', `no connection within ${timeout} ms`);
  }

  /** The status says how the attempt ended: the rest is text, of which the beginning is enough. */
  #readText(head: AnswerHead, chunk: Buffer): void {
    const room = TEXT_KEPT - this.#body.size;
    if (room > 0) this.#body.append(chunk.subarray(0, room));
    this.#textRead += chunk.length;
    if (this.#textRead > TEXT_READ) this.#answer(head);
  }

  #refuseLarge(): void {
    this.#fail(`the answer of the service is larger than ${LARGEST_RESULT / MB} MB`, 'answered');
  }

  #answer(head: AnswerHead): void {
    if (this.#ended) return;
    const outcome = outcomeOf(head, this.#body.take(), this.order, Date.now());
    this.#end(outcome, signOf(head.status), 'error' in outcome ? outcome.error : '');
  }

  #fail(error: string, sign: Sign): void {
    this.#end({ kind: 'failed', reason: 'failed', error }, sign, error);
  }

  #end(outcome: Outcome, sign: Sign, error: string): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#body.take();
    this.#abort();
    const busy = this.#controller ? performance.now() - this.#at : 0;
    const kept = 'error' in outcome ? { ...outcome, error: cutError(outcome.error) } : outcome;
    this.#options.onEnded(this, sign, error);
    this.order.onOutcome(this.order.delivery, kept, busy);
  }

  /** Breaks the connection, unless the whole answer has come. */
  #abort(): void {
    this.#controller?.abort(new Error('the attempt has ended'));
  }
}
