import { performance } from 'node:perf_hooks';
import {
  type ConsumerExecutor,
  type Delivery,
  INTERRUPTED,
  type OnOutcome,
  type RunningAttempt,
} from '../../core/executor.js';
import { parseMessage } from '../../core/message.js';
import { type CallOptions, type Order, ServiceCall } from './call.js';
import type { Circuit, Sign } from './circuit.js';

export interface ConsumerCallsOptions extends Pick<CallOptions, 'timeout' | 'bytesRead' | 'onConnected'> {
  readonly consumerId: string;
  readonly concurrency: number;
  /** One for all consumers of a process. */
  readonly circuit: Circuit;
  readonly send: (call: ServiceCall) => void;
  /** A call that was sent has ended. */
  readonly onSign: (era: number, sign: Sign, error: string) => void;
  /** It may be the turn of another consumer. */
  readonly onTurn: () => void;
}

const ENDED: RunningAttempt = { interrupt() {} };

/** The calls of one consumer: those that are sent, and those that wait for the end of its probe. */
export class ConsumerCalls implements ConsumerExecutor {
  readonly depth: number;
  readonly #options: ConsumerCallsOptions;
  readonly #callOptions: CallOptions;
  readonly #sent = new Set<ServiceCall>();
  #waiting: ServiceCall[] = [];

  constructor(options: ConsumerCallsOptions) {
    this.#options = options;
    this.depth = options.concurrency;
    this.#callOptions = { ...options, onEnded: (call, sign, error) => this.#onEnded(call, sign, error) };
    options.circuit.join(options.consumerId, performance.now());
  }

  get closed(): boolean {
    return this.#options.circuit.refuses(this.#options.consumerId);
  }

  get away(): boolean {
    return this.#options.circuit.state !== 'flowing';
  }

  execute<D extends Delivery>(delivery: D, onOutcome: OnOutcome<D>): RunningAttempt {
    const parsed = parseMessage(delivery.message);
    if (!parsed.valid || this.closed) {
      onOutcome(delivery, parsed.valid ? INTERRUPTED : { ...parsed, kind: 'invalid' }, 0);
      return ENDED;
    }
    const order = { delivery, onOutcome, messageId: parsed.messageId, text: String(delivery.message) };
    // The cast is safe: the callback gets this very delivery.
    const call = new ServiceCall(order as unknown as Order, this.#callOptions);
    this.#waiting.push(call);
    this.#sendWaiting();
    return call;
  }

  quiet(): void {
    const { circuit, consumerId, onTurn } = this.#options;
    circuit.leave(consumerId, performance.now());
    this.#interrupt(this.#waiting);
    onTurn();
  }

  resume(): void {
    const { circuit, consumerId, onTurn } = this.#options;
    circuit.join(consumerId, performance.now());
    onTurn();
  }

  /** Does what the circuit says now with the calls that wait. */
  follow(): void {
    if (this.closed) this.#interrupt(this.#waiting);
    else this.#sendWaiting();
  }

  /** Ends all of them. */
  end(): void {
    this.#interrupt([...this.#waiting, ...this.#sent]);
  }

  #sendWaiting(): void {
    const { circuit, consumerId, send } = this.#options;
    while (this.#waiting.length > 0) {
      const era = circuit.begin(consumerId);
      const call = era === undefined ? undefined : this.#waiting.shift();
      if (era === undefined || !call) return;
      this.#sent.add(call);
      call.begin(era);
      send(call);
    }
  }

  #interrupt(calls: readonly ServiceCall[]): void {
    for (const call of [...calls]) call.interrupt('the group stops, or the service is away');
  }

  #onEnded(call: ServiceCall, sign: Sign, error: string): void {
    if (!this.#sent.delete(call)) this.#waiting = this.#waiting.filter((other) => other !== call);
    if (call.era !== undefined) this.#options.onSign(call.era, sign, error);
  }
}
