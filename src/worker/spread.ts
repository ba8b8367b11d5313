import type { ConsumerExecutor, Delivery, Executor, OnOutcome, RunningAttempt } from '../core/executor.js';

/**
 * Spreads the deliveries of each consumer over several executors. A connection to a group is one consumer, and a consumer
 * has one thread: with this it has all of them.
 */
export class SpreadExecutor implements Executor {
  readonly #parts: readonly Executor[];

  constructor(parts: readonly Executor[]) {
    this.#parts = parts;
  }

  async start(consumers: number): Promise<void> {
    await Promise.all(this.#parts.map((part) => part.start(consumers)));
  }

  async add(consumerId: string): Promise<ConsumerExecutor> {
    try {
      return new Spread(await Promise.all(this.#parts.map((part) => part.add(consumerId))));
    } catch (error) {
      this.remove(consumerId);
      throw error;
    }
  }

  remove(consumerId: string): void {
    for (const part of this.#parts) part.remove(consumerId);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#parts.map((part) => part.stop()));
  }
}

/** The executors of one consumer. A delivery goes to the one that has the fewest. */
class Spread implements ConsumerExecutor {
  readonly depth = Number.POSITIVE_INFINITY;
  readonly #parts: readonly { readonly executor: ConsumerExecutor; inWork: number }[];

  constructor(executors: readonly ConsumerExecutor[]) {
    this.#parts = executors.map((executor) => ({ executor, inWork: 0 }));
  }

  get closed(): boolean {
    return this.#parts.every(({ executor }) => executor.closed);
  }

  execute<D extends Delivery>(delivery: D, onOutcome: OnOutcome<D>): RunningAttempt {
    const [first, ...others] = this.#parts.filter(({ executor }) => !executor.closed || this.closed);
    if (!first) throw new TypeError('there is no executor');
    const part = others.reduce((least, one) => (one.inWork < least.inWork ? one : least), first);
    part.inWork++;
    return part.executor.execute(delivery, (own, outcome, busy) => {
      part.inWork--;
      onOutcome(own, outcome, busy);
    });
  }

  quiet(): void {
    for (const { executor } of this.#parts) executor.quiet();
  }

  resume(): void {
    for (const { executor } of this.#parts) executor.resume();
  }
}
