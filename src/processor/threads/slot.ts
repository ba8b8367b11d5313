import { INTERRUPTED, type Outcome, type RunningAttempt } from '../../core/executor.js';
import { type AttemptOptions, beginAttempt } from '../attempt.js';
import type { NumberedDelivery } from './messages.js';
import type { SharedProgress } from './progress.js';

/** ms after which waiting deliveries leave the thread to timers, messages and other slots, and go on afterwards. */
const TURN = 10;

export interface SlotOptions {
  readonly attemptOptions: AttemptOptions;
  readonly concurrency: number;
  readonly progress: SharedProgress;
  readonly onEnd: (delivery: NumberedDelivery, outcome: Outcome, busy: number) => void;
}

/** Inside a thread: makes the attempts of one consumer, in the order of its deliveries, so many at a time. */
export class Slot {
  readonly #options: SlotOptions;
  readonly #running = new Map<number, RunningAttempt>();
  #waiting: NumberedDelivery[] = [];
  #inWork = 0;
  #beginning = false;
  #turnBegan: number | undefined;

  constructor(options: SlotOptions) {
    this.#options = options;
  }

  /** Call {@link beginAttempts} afterwards. */
  enqueue(delivery: NumberedDelivery): void {
    this.#waiting.push(delivery);
  }

  /** Ends an attempt from outside. A waiting delivery is dropped without an outcome: the caller knows it. */
  interrupt(number: number, reason: string): void {
    this.#waiting = this.#waiting.filter((delivery) => delivery.number !== number);
    this.#running.get(number)?.interrupt(reason);
  }

  /** Begins all attempts that can begin. A processor that returns at once ends within this loop, not within a nested one. */
  beginAttempts(): void {
    if (this.#beginning) return;
    this.#beginning = true;
    let next = 0;
    while (this.#inWork < this.#options.concurrency && next < this.#waiting.length && !this.#turnIsOver())
      this.#begin(this.#waiting[next++] as NumberedDelivery);
    this.#waiting.splice(0, next);
    this.#beginning = false;
  }

  #turnIsOver(): boolean {
    const now = performance.now();
    if (this.#turnBegan === undefined) {
      this.#turnBegan = now;
      setImmediate(() => {
        this.#turnBegan = undefined;
        this.beginAttempts();
      });
    }
    return now - this.#turnBegan > TURN;
  }

  #begin(delivery: NumberedDelivery): void {
    const { attemptOptions, progress, onEnd } = this.#options;
    const { slot, number } = delivery;
    if (!progress.enter(slot, number)) {
      onEnd(delivery, INTERRUPTED, 0);
      return;
    }
    let ended = false;
    this.#inWork++;
    const running = beginAttempt(delivery, attemptOptions, (_delivery, outcome, busy) => {
      ended = true;
      this.#inWork--;
      this.#running.delete(number);
      progress.end(slot, number);
      onEnd(delivery, outcome, busy);
      this.beginAttempts();
    });
    progress.leave();
    if (!ended) this.#running.set(number, running);
  }
}
