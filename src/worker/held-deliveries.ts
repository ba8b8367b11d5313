import type { ConsumerExecutor, Delivery, Outcome, RunningAttempt } from '../core/executor.js';
import type { WorkerDelivery } from '../protocol/from-group.js';
import { answerLine, failureLine } from '../protocol/from-worker.js';

export interface HeldDeliveriesOptions {
  /** Of the group's consumer that this worker is. */
  readonly consumerId: string;
  readonly executor: ConsumerExecutor;
  /** Sends a line to the group. Returns false if there is no connection. */
  readonly send: (line: string) => boolean;
  /** The executor gives back deliveries: it cannot run the processor for now. */
  readonly onHandedBack: () => void;
  /** There are fewer than before. */
  readonly onEnded: () => void;
}

interface Held extends Delivery {
  readonly deliveryId: string;
  running: RunningAttempt | undefined;
  /** The answer, if there was no connection when it was ready. */
  answer: string | undefined;
}

/** The deliveries of one consumer that the group has given to this worker and that are not answered. They outlive a connection. */
export class HeldDeliveries {
  readonly #options: HeldDeliveriesOptions;
  readonly #held = new Map<string, Held>();
  readonly #onOutcome = (held: Held, outcome: Outcome): void => this.#end(held, outcome);

  constructor(options: HeldDeliveriesOptions) {
    this.#options = options;
  }

  get consumerId(): string {
    return this.#options.consumerId;
  }

  /** Whether the processor cannot run for now. */
  get closed(): boolean {
    return this.#options.executor.closed;
  }

  get ids(): string[] {
    return [...this.#held.keys()];
  }

  get size(): number {
    return this.#held.size;
  }

  begin({ deliveryId, inboxId, message, attempt, traceparent }: WorkerDelivery): void {
    const held: Held = {
      deliveryId,
      inboxId,
      message,
      attempt,
      ...(traceparent !== undefined && { traceparent }),
      running: undefined,
      answer: undefined,
    };
    // Before it begins: it may end at once.
    this.#held.set(deliveryId, held);
    held.running = this.#options.executor.execute(held, this.#onOutcome);
  }

  /** Interrupts the attempt. Returns false if there is no such delivery. */
  cancel(deliveryId: string, reason: string): boolean {
    const held = this.#held.get(deliveryId);
    if (!held) return false;
    this.#held.delete(deliveryId);
    held.running?.interrupt(reason);
    this.#options.onEnded();
    return true;
  }

  cancelAll(reason: string): void {
    for (const deliveryId of this.ids) this.cancel(deliveryId, reason);
  }

  /** There is a connection again. Sends the answers that wait for it, and drops what does not count any more. */
  resume(resumed: readonly string[]): void {
    const counts = new Set(resumed);
    for (const { deliveryId, answer } of [...this.#held.values()])
      if (!counts.has(deliveryId))
        this.cancel(deliveryId, 'the group has given the message to another consumer');
      else if (answer !== undefined) this.#send(deliveryId, answer);
  }

  #end(held: Held, outcome: Outcome): void {
    // Not what was cancelled, even if the same delivery has come again.
    if (this.#held.get(held.deliveryId) !== held) return;
    const answer = answerOf(held.deliveryId, outcome);
    if (answer === undefined) this.#options.onHandedBack();
    else if (!this.#send(held.deliveryId, answer)) held.answer = answer;
  }

  #send(deliveryId: string, answer: string): boolean {
    if (!this.#options.send(answer)) return false;
    this.#held.delete(deliveryId);
    this.#options.onEnded();
    return true;
  }
}

/** The line that tells the group of an outcome; undefined if it says nothing about the message. */
function answerOf(deliveryId: string, outcome: Outcome): string | undefined {
  switch (outcome.kind) {
    case 'processed':
      return answerLine(deliveryId, outcome.data);
    case 'failed':
      return failureLine(deliveryId, { error: outcome.error, dead: false, retryAfter: outcome.retryAfter });
    case 'given-up':
    case 'invalid':
      return failureLine(deliveryId, { error: outcome.error, dead: true, retryAfter: undefined });
    case 'interrupted':
      return undefined;
  }
}
